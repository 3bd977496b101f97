-- What has changed and is not in the search index yet. Written by the transaction that makes the change, and removed
-- by the one that brings the index up to date. `old_name` and `old_description` are what an edit replaced, so that the
-- index can be rid of it.
CREATE TABLE search_changes (
    seq BIGINT NOT NULL AUTO_INCREMENT,
    corpus VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    number BIGINT NOT NULL,
    old_name VARCHAR(100) NULL,
    old_description VARCHAR(2000) NULL,
    CONSTRAINT search_changes_pk PRIMARY KEY (seq),
    KEY search_changes_by_number (corpus, number),
    CONSTRAINT search_changes_corpus_check CHECK (corpus IN ('ITEMS', 'STORES'))
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci
