-- The second factor of members: the secret of their one-time passwords (RFC 6238).
CREATE TABLE one_time_passwords (
    member_id     BINARY(16)   NOT NULL,
    request_id    BINARY(16)   NOT NULL COMMENT 'of the request that made the secret; its kept answer is found by it',
    sealed_secret VARCHAR(500) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'sealed with a key of the settings, together with the member',
    created_at    DATETIME(6)  NOT NULL,
    confirmed_at  DATETIME(6)  NULL COMMENT 'in force since',
    last_step     BIGINT       NULL COMMENT 'the time step of the last code that was accepted; only later ones are',
    CONSTRAINT one_time_passwords_pk PRIMARY KEY (member_id),
    CONSTRAINT one_time_passwords_member_fk FOREIGN KEY (member_id) REFERENCES members (id)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
