-- One for each order. A reservation that was released before it was made is a row without lines: it keeps a late
-- request to reserve from holding stock.
CREATE TABLE reservations (
    order_id BINARY(16) NOT NULL,
    status VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    expires_at DATETIME(6) NOT NULL,
    created_at DATETIME(6) NOT NULL,
    updated_at DATETIME(6) NOT NULL,
    CONSTRAINT reservations_pk PRIMARY KEY (order_id),
    KEY reservations_due (status, expires_at),
    CONSTRAINT reservations_status_check CHECK (status IN ('HELD', 'CONFIRMED', 'RELEASED', 'EXPIRED'))
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
