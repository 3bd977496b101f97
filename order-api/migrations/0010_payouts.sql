-- A seller's request to be paid. Its id is that of the transfer; that it is still to be made stands in the outbox.
CREATE TABLE payouts (
    id         BINARY(16)   NOT NULL,
    seller_id  BINARY(16)   NOT NULL,
    from_day   DATE         NOT NULL,
    to_day     DATE         NOT NULL,
    amount     BIGINT       NOT NULL COMMENT 'won; the sum of the settlements that it binds',
    days       INT UNSIGNED NOT NULL COMMENT 'how many settlements it binds',
    created_at DATETIME(6)  NOT NULL,
    paid_at    DATETIME(6)  NULL COMMENT 'when the money was in the wallet',
    CONSTRAINT payouts_pk PRIMARY KEY (id),
    CONSTRAINT payouts_amount_check CHECK (amount > 0),
    CONSTRAINT payouts_days_check CHECK (days > 0),
    CONSTRAINT payouts_range_check CHECK (from_day <= to_day),
    KEY payouts_by_seller (seller_id, created_at, id)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
