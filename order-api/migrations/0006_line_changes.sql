-- The history of a line since it was ORDERED. Append-only.
CREATE TABLE line_changes (
    id         BINARY(16)   NOT NULL,
    line_id    BINARY(16)   NOT NULL,
    old_status VARCHAR(16)  NOT NULL,
    new_status VARCHAR(16)  NOT NULL,
    actor      VARCHAR(16)  NOT NULL COMMENT 'CUSTOMER, SELLER, or SYSTEM where nobody asked',
    actor_id   BINARY(16)   NULL COMMENT 'the member who did it; none for SYSTEM',
    reason     VARCHAR(500) NULL,
    changed_at DATETIME(6)  NOT NULL,
    CONSTRAINT line_changes_pk PRIMARY KEY (id),
    CONSTRAINT line_changes_line_fk FOREIGN KEY (line_id) REFERENCES order_lines (id),
    CONSTRAINT line_changes_actor_check CHECK (actor IN ('CUSTOMER', 'SELLER', 'SYSTEM')),
    CONSTRAINT line_changes_actor_id_check CHECK ((actor = 'SYSTEM') = (actor_id IS NULL)),
    KEY line_changes_by_line (line_id, id)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
