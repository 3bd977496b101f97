-- What crate `account-closing` keeps: a migration of each service that uses it holds this statement.
CREATE TABLE member_closings (
    member_id BINARY(16) NOT NULL,
    number BIGINT UNSIGNED NOT NULL COMMENT 'the last attempt of member-api that was heard of; 0 if there was none',
    state VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    changed_at DATETIME(6) NOT NULL,
    CONSTRAINT member_closings_pk PRIMARY KEY (member_id),
    CONSTRAINT member_closings_state_check CHECK (state IN ('OPEN', 'CLOSING', 'CLOSED'))
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
