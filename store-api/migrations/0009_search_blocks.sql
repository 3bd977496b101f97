-- The search index: for each term (a piece of a word, a category, a range of prices …) the numbers of the items or
-- stores that have it, as Roaring bitmaps (https://roaringbitmap.org), cut into blocks of 32,768 numbers.
CREATE TABLE search_blocks (
    term VARBINARY(80) NOT NULL,
    block INT UNSIGNED NOT NULL,
    members BLOB NOT NULL,
    CONSTRAINT search_blocks_pk PRIMARY KEY (term, block),
    KEY search_blocks_by_block (block, term)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
