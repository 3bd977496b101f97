-- A checkout, as its customer sees it.
CREATE TABLE orders (
    id            BINARY(16)   NOT NULL,
    customer_id   BINARY(16)   NOT NULL,
    customer_name VARCHAR(100) NULL COMMENT 'all that a seller learns of the customer; known once the money was taken',
    status        VARCHAR(16)  NOT NULL,
    failure       VARCHAR(32)  NULL COMMENT 'why a FAILED order failed: a code of the API',
    total         BIGINT       NOT NULL COMMENT 'won; the sum of its lines',
    created_at    DATETIME(6)  NOT NULL,
    CONSTRAINT orders_pk PRIMARY KEY (id),
    CONSTRAINT orders_status_check CHECK (status IN ('PENDING', 'CONFIRMED', 'FAILED')),
    CONSTRAINT orders_failure_check CHECK ((status = 'FAILED') = (failure IS NOT NULL)),
    CONSTRAINT orders_total_check CHECK (total > 0),
    KEY orders_by_customer (customer_id, created_at, id)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
