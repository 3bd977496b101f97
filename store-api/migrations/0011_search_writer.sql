-- One row: whoever holds it writes the search index.
CREATE TABLE search_writer (
    id TINYINT NOT NULL,
    CONSTRAINT search_writer_pk PRIMARY KEY (id),
    CONSTRAINT search_writer_id_check CHECK (id = 1)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
