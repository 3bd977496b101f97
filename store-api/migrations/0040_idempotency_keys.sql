-- The table of the crate `idempotency`, as the migrations of each service that uses it make it.
--
-- `member_id` is the member who sent the key. Before there is a member, it is made from the address of the client.
CREATE TABLE idempotency_keys (
    member_id BINARY(16) NOT NULL,
    route VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    idempotency_key VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    operation_id BINARY(16) NOT NULL,
    fingerprint BINARY(32) NOT NULL,
    created_at DATETIME(6) NOT NULL,
    leased_until DATETIME(6) NOT NULL,
    status SMALLINT UNSIGNED NULL,
    content_type VARCHAR(100) NULL,
    location VARCHAR(500) NULL,
    headers TEXT NULL,
    body MEDIUMBLOB NULL,
    CONSTRAINT idempotency_keys_pk PRIMARY KEY (member_id, route, idempotency_key),
    INDEX idempotency_keys_created_at_idx (created_at)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
