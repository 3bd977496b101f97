-- The running totals of each seller and business day, kept in the transaction that confirms, cancels or refunds. A day
-- of a seller has one row for each lane that was ever needed at once: the sum over lanes is the total.
CREATE TABLE seller_day_totals (
    business_day DATE             NOT NULL,
    seller_id    BINARY(16)       NOT NULL,
    lane         TINYINT UNSIGNED NOT NULL COMMENT 'keeps those apart who write for one seller at the same time',
    gross        BIGINT           NOT NULL COMMENT 'won; of the lines that were paid on this day',
    refunds      BIGINT           NOT NULL COMMENT 'won; of the lines whose refund lowers this day',
    CONSTRAINT seller_day_totals_pk PRIMARY KEY (business_day, seller_id, lane),
    CONSTRAINT seller_day_totals_gross_check CHECK (gross >= 0),
    CONSTRAINT seller_day_totals_refunds_check CHECK (refunds >= 0)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
