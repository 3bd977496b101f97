-- One row: which form the search index has, how many blocks are still of an older form, and, by its lock, who writes the
-- index. A build does not write an index whose form is not its own.
CREATE TABLE search_index (
    id TINYINT NOT NULL,
    form INT NOT NULL,
    item_blocks_left INT NOT NULL,
    store_blocks_left INT NOT NULL,
    CONSTRAINT search_index_pk PRIMARY KEY (id),
    CONSTRAINT search_index_id_check CHECK (id = 1)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
