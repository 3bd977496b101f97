-- A sign-in and the chain of refresh tokens that grew from it.
CREATE TABLE sessions (
    id         BINARY(16)  NOT NULL,
    member_id  BINARY(16)  NOT NULL,
    generation INT         NOT NULL COMMENT 'how often it was refreshed; a refresh token of a lower number is a used one',
    created_at DATETIME(6) NOT NULL,
    rotated_at DATETIME(6) NOT NULL COMMENT 'when this generation began',
    expires_at DATETIME(6) NOT NULL,
    revoked_at DATETIME(6) NULL,
    CONSTRAINT sessions_pk PRIMARY KEY (id),
    CONSTRAINT sessions_member_fk FOREIGN KEY (member_id) REFERENCES members (id),
    KEY sessions_by_member (member_id),
    KEY sessions_by_revoked (revoked_at),
    KEY sessions_by_expires (expires_at)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
