-- A seller's total for one business day. Its figures are written once; a payout binds it once.
CREATE TABLE settlements (
    business_day DATE        NOT NULL,
    seller_id    BINARY(16)  NOT NULL,
    gross        BIGINT      NOT NULL COMMENT 'won',
    refunds      BIGINT      NOT NULL COMMENT 'won; may be more than gross, and is then carried into the next payout',
    status       VARCHAR(16) NOT NULL,
    payout_id    BINARY(16)  NULL COMMENT 'what pays it; bound while still PENDING',
    CONSTRAINT settlements_pk PRIMARY KEY (business_day, seller_id),
    CONSTRAINT settlements_status_check CHECK (status IN ('PENDING', 'PAID')),
    CONSTRAINT settlements_paid_check CHECK (status = 'PENDING' OR payout_id IS NOT NULL),
    CONSTRAINT settlements_gross_check CHECK (gross >= 0),
    CONSTRAINT settlements_refunds_check CHECK (refunds >= 0),
    KEY settlements_by_seller (seller_id, business_day)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
