-- Money that moved between accounts. Append-only: a row is never changed and never removed. A VOID moved nothing and has
-- no postings: it takes the id of a transfer that is not to be made any more.
CREATE TABLE transfers (
    id         BINARY(16)  NOT NULL COMMENT 'made by the caller: the same id moves money at most once',
    kind       VARCHAR(16) NOT NULL,
    reference  VARCHAR(64) NULL COMMENT 'what it was for, in the words of the caller: an order, a payout',
    created_at DATETIME(6) NOT NULL,
    CONSTRAINT transfers_pk PRIMARY KEY (id),
    CONSTRAINT transfers_kind_check CHECK (kind IN ('CHARGE', 'ORDER_PAYMENT', 'REFUND', 'PAYOUT', 'VOID'))
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
