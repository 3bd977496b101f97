-- The lines of a day, summed up as they come, so that the proof of a big day has little left to read.
CREATE TABLE control_sums (
    business_day DATE        NOT NULL,
    read_until   DATETIME(6) NOT NULL COMMENT 'lines that were paid before are in the sums',
    line_count   BIGINT      NOT NULL,
    amount       BIGINT      NOT NULL COMMENT 'won',
    weighted     BIGINT      NOT NULL COMMENT 'each line weighted by its seller, modulo 2^61 - 1',
    CONSTRAINT control_sums_pk PRIMARY KEY (business_day)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
