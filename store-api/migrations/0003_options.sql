-- Stock, in pieces: `on_hand` can be bought now; `reserved` belongs to orders that are being placed; `sold` and
-- `restocked` only grow; `supplied` is what the seller put in. `options_stock_check` is the promise that nothing is
-- oversold, and the database refuses whatever would break it.
CREATE TABLE options (
    id BINARY(16) NOT NULL,
    item_id BINARY(16) NOT NULL,
    position INT NOT NULL,
    name VARCHAR(50) NOT NULL,
    name_key VARCHAR(200) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    price BIGINT NOT NULL,
    on_hand BIGINT NOT NULL,
    reserved BIGINT NOT NULL,
    sold BIGINT NOT NULL,
    restocked BIGINT NOT NULL,
    supplied BIGINT NOT NULL,
    live TINYINT NULL,
    created_at DATETIME(6) NOT NULL,
    updated_at DATETIME(6) NOT NULL,
    deleted_at DATETIME(6) NULL,
    CONSTRAINT options_pk PRIMARY KEY (id),
    CONSTRAINT options_name_key UNIQUE (item_id, name_key, live),
    KEY options_by_item (item_id, live, position),
    CONSTRAINT options_item_fk FOREIGN KEY (item_id) REFERENCES items (id),
    CONSTRAINT options_price_check CHECK (price BETWEEN 1 AND 10000000),
    CONSTRAINT options_not_negative_check
        CHECK (on_hand >= 0 AND reserved >= 0 AND sold >= 0 AND restocked >= 0 AND supplied >= 0),
    CONSTRAINT options_stock_check CHECK (on_hand + reserved + sold - restocked = supplied),
    CONSTRAINT options_live_check CHECK ((live = 1 AND deleted_at IS NULL) OR (live IS NULL AND deleted_at IS NOT NULL))
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci
