-- A member's money account. Only the ledger's one transfer function writes balance and version.
CREATE TABLE wallets (
    member_id BINARY(16)  NOT NULL,
    balance   BIGINT      NOT NULL COMMENT 'won; the sum of the postings of this account',
    version   BIGINT      NOT NULL COMMENT 'how many postings there are; the next one gets the next number',
    closed_at DATETIME(6) NULL COMMENT 'a closed wallet takes no charge',
    CONSTRAINT wallets_pk PRIMARY KEY (member_id),
    CONSTRAINT wallets_member_fk FOREIGN KEY (member_id) REFERENCES members (id),
    CONSTRAINT wallets_balance_check CHECK (balance >= 0),
    CONSTRAINT wallets_version_check CHECK (version >= 0)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
