-- What happened to accounts. Append-only: a row is only deleted by age, and loses its address and program when the account is closed.
CREATE TABLE security_events (
    id         BINARY(16)   NOT NULL,
    member_id  BINARY(16)   NOT NULL COMMENT 'zero if the email of a sign-in belongs to nobody',
    session_id BINARY(16)   NULL,
    kind       VARCHAR(32)  NOT NULL,
    outcome    VARCHAR(32)  NOT NULL,
    address    VARCHAR(45)  NULL,
    user_agent VARCHAR(200) NULL COMMENT 'visible ASCII',
    created_at DATETIME(6)  NOT NULL,
    CONSTRAINT security_events_pk PRIMARY KEY (id),
    KEY security_events_by_member (member_id, created_at, id),
    KEY security_events_by_created (created_at)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
