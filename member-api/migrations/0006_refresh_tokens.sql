-- Every refresh token that was handed out, as a hash: a copy of this table signs nobody in.
CREATE TABLE refresh_tokens (
    token_hash BINARY(32)  NOT NULL COMMENT 'SHA-256 of 32 random bytes',
    session_id BINARY(16)  NOT NULL,
    generation INT         NOT NULL,
    created_at DATETIME(6) NOT NULL,
    CONSTRAINT refresh_tokens_pk PRIMARY KEY (token_hash),
    CONSTRAINT refresh_tokens_session_fk FOREIGN KEY (session_id) REFERENCES sessions (id) ON DELETE CASCADE,
    KEY refresh_tokens_by_session (session_id)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
