-- `stores.followers` is the number of these rows; both change in one transaction that holds the store's row.
CREATE TABLE follows (
    store_id BINARY(16) NOT NULL,
    member_id BINARY(16) NOT NULL,
    created_at DATETIME(6) NOT NULL,
    CONSTRAINT follows_pk PRIMARY KEY (store_id, member_id),
    KEY follows_by_member (member_id, created_at, store_id),
    CONSTRAINT follows_store_fk FOREIGN KEY (store_id) REFERENCES stores (id)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
