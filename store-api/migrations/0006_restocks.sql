-- What came back of what was sold, by the id that the caller made: each is counted once.
CREATE TABLE restocks (
    id BINARY(16) NOT NULL,
    order_id BINARY(16) NOT NULL,
    option_id BINARY(16) NOT NULL,
    quantity BIGINT NOT NULL,
    created_at DATETIME(6) NOT NULL,
    CONSTRAINT restocks_pk PRIMARY KEY (id),
    KEY restocks_by_line (order_id, option_id),
    CONSTRAINT restocks_line_fk FOREIGN KEY (order_id, option_id) REFERENCES reservation_lines (order_id, option_id),
    CONSTRAINT restocks_quantity_check CHECK (quantity > 0)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
