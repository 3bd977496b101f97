-- The days that are closed, in order and for ever: nothing is added to the totals of a day up to the last of them.
CREATE TABLE settlement_days (
    business_day  DATE        NOT NULL,
    closed_at     DATETIME(6) NOT NULL,
    fencing_token BIGINT      NOT NULL COMMENT 'of the last run that wrote for this day; an older one writes nothing more',
    CONSTRAINT settlement_days_pk PRIMARY KEY (business_day)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
