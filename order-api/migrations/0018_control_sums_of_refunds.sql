ALTER TABLE control_sums
    CHANGE COLUMN read_until read_until DATETIME(6) NOT NULL COMMENT 'lines that were paid, and refunds that were accepted, before are in the sums',
    CHANGE COLUMN amount gross BIGINT NOT NULL COMMENT 'won; of the lines that were paid on this day',
    CHANGE COLUMN weighted gross_weighted BIGINT NOT NULL COMMENT 'each line weighted by its seller, modulo 2^61 - 1',
    ADD COLUMN refunds BIGINT NOT NULL COMMENT 'won; of the lines whose refund lowers this day',
    ADD COLUMN refunds_weighted BIGINT NOT NULL COMMENT 'as gross_weighted'
