-- No foreign key to `options`: inserting a line would take a shared lock on the option's row, and two buyers of one
-- option that both hold it and both want to write would be a deadlock. Options are never removed.
CREATE TABLE reservation_lines (
    order_id BINARY(16) NOT NULL,
    option_id BINARY(16) NOT NULL,
    quantity BIGINT NOT NULL,
    restocked BIGINT NOT NULL,
    CONSTRAINT reservation_lines_pk PRIMARY KEY (order_id, option_id),
    CONSTRAINT reservation_lines_order_fk FOREIGN KEY (order_id) REFERENCES reservations (order_id),
    CONSTRAINT reservation_lines_quantity_check CHECK (quantity > 0),
    CONSTRAINT reservation_lines_restocked_check CHECK (restocked BETWEEN 0 AND quantity)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
