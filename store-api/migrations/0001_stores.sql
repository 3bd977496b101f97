-- `number` is the order in which stores were opened: it is what «latest» sorts by and what the search index counts in.
-- `live` is 1 until the store is deleted and NULL from then on, so that names are unique among live stores only:
-- a unique key never compares NULLs.
CREATE TABLE stores (
    number BIGINT NOT NULL AUTO_INCREMENT,
    id BINARY(16) NOT NULL,
    seller_id BINARY(16) NOT NULL,
    name VARCHAR(50) NOT NULL,
    name_key VARCHAR(200) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    description VARCHAR(2000) NOT NULL,
    thumbnail_url VARCHAR(500) NULL,
    followers BIGINT NOT NULL,
    version BIGINT NOT NULL,
    live TINYINT NULL,
    created_at DATETIME(6) NOT NULL,
    updated_at DATETIME(6) NOT NULL,
    deleted_at DATETIME(6) NULL,
    CONSTRAINT stores_pk PRIMARY KEY (number),
    CONSTRAINT stores_id_key UNIQUE (id),
    CONSTRAINT stores_name_key UNIQUE (name_key, live),
    KEY stores_by_number (live, number),
    KEY stores_by_followers (live, followers, number),
    KEY stores_by_name (live, name_key),
    KEY stores_by_seller (seller_id, live, number),
    CONSTRAINT stores_followers_check CHECK (followers >= 0),
    CONSTRAINT stores_live_check CHECK ((live = 1 AND deleted_at IS NULL) OR (live IS NULL AND deleted_at IS NOT NULL))
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci
