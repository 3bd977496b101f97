-- `items.hearts` is the number of these rows; both change in one transaction that holds the item's row.
CREATE TABLE hearts (
    item_id BINARY(16) NOT NULL,
    member_id BINARY(16) NOT NULL,
    created_at DATETIME(6) NOT NULL,
    CONSTRAINT hearts_pk PRIMARY KEY (item_id, member_id),
    KEY hearts_by_member (member_id, created_at, item_id),
    CONSTRAINT hearts_item_fk FOREIGN KEY (item_id) REFERENCES items (id)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
