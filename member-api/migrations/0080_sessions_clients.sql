-- From where and with which program a session was last continued. Null for sessions of older builds, and in closed accounts.
ALTER TABLE sessions
    ADD COLUMN address    VARCHAR(45)  NULL,
    ADD COLUMN user_agent VARCHAR(200) NULL COMMENT 'visible ASCII'
