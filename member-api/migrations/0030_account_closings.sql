-- The closing of accounts: a row for each member who has ever asked for it. It outlives every attempt, so that the numbers
-- of a member's attempts only grow.
CREATE TABLE account_closings (
    member_id   BINARY(16)   NOT NULL,
    phase       VARCHAR(16)  NOT NULL,
    attempt     INT UNSIGNED NOT NULL COMMENT 'how often it was begun or claimed; the fencing token, here and in the other services',
    failures    INT UNSIGNED NOT NULL COMMENT 'how often this phase has failed; the next pause depends on it',
    lease_until DATETIME(6)  NULL COMMENT 'nobody else claims it before; null if there is nothing to do',
    begun_at    DATETIME(6)  NOT NULL COMMENT 'when this phase began',
    CONSTRAINT account_closings_pk PRIMARY KEY (member_id),
    CONSTRAINT account_closings_member_fk FOREIGN KEY (member_id) REFERENCES members (id),
    CONSTRAINT account_closings_phase_check CHECK (phase IN
        ('OPEN', 'DECIDING', 'UNDOING', 'FORGETTING', 'FORGETTING_AGAIN', 'FORGOTTEN')),
    CONSTRAINT account_closings_lease_check CHECK ((lease_until IS NULL) = (phase IN ('OPEN', 'FORGOTTEN'))),
    KEY account_closings_by_lease (lease_until)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
