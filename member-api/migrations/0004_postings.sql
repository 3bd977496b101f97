-- The two or more sides of a transfer, which sum to zero. Append-only. A wallet's account is its member's id; the system
-- accounts cash (…01) and escrow (…02) have no balance row, so that no row is touched by every transfer.
CREATE TABLE postings (
    transfer_id   BINARY(16) NOT NULL,
    account       BINARY(16) NOT NULL,
    amount        BIGINT     NOT NULL COMMENT 'won; negative where money leaves the account',
    entry_no      BIGINT     NULL COMMENT 'wallets only: 1, 2, 3 … in the order in which the balance changed',
    balance_after BIGINT     NULL COMMENT 'wallets only: won',
    CONSTRAINT postings_pk PRIMARY KEY (transfer_id, account),
    CONSTRAINT postings_entry_key UNIQUE (account, entry_no),
    CONSTRAINT postings_transfer_fk FOREIGN KEY (transfer_id) REFERENCES transfers (id),
    CONSTRAINT postings_amount_check CHECK (amount <> 0),
    CONSTRAINT postings_balance_check CHECK (balance_after >= 0),
    CONSTRAINT postings_wallet_check CHECK ((entry_no IS NULL) = (balance_after IS NULL)),
    CONSTRAINT postings_system_check CHECK (
        (entry_no IS NULL) =
        (account IN (x'00000000000000000000000000000001', x'00000000000000000000000000000002'))
    )
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
