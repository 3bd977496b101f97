-- A checkout that is not at its end: written with its order, before the first step, and gone with the last.
CREATE TABLE checkouts (
    order_id       BINARY(16)   NOT NULL,
    state          VARCHAR(16)  NOT NULL COMMENT 'the step that is not known to be done',
    failure        VARCHAR(32)  NULL COMMENT 'UNDOING: what the order will have failed for',
    undo_id        BINARY(16)   NULL COMMENT 'UNDOING: the transfer that gives the money back; none where nobody asked for it',
    reserved_until DATETIME(6)  NOT NULL COMMENT 'the stock is held until then; unpaid by then, the checkout goes back',
    attempt        INT UNSIGNED NOT NULL COMMENT 'how often it was taken up; the fencing token that every write names',
    lease_until    DATETIME(6)  NOT NULL COMMENT 'nobody else takes it up before',
    created_at     DATETIME(6)  NOT NULL,
    CONSTRAINT checkouts_pk PRIMARY KEY (order_id),
    CONSTRAINT checkouts_order_fk FOREIGN KEY (order_id) REFERENCES orders (id),
    CONSTRAINT checkouts_state_check CHECK (state IN ('RESERVING', 'PAYING', 'UNDOING')),
    CONSTRAINT checkouts_failure_check CHECK ((state = 'UNDOING') = (failure IS NOT NULL)),
    CONSTRAINT checkouts_undo_check CHECK (undo_id IS NULL OR state = 'UNDOING'),
    KEY checkouts_by_lease (lease_until)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
