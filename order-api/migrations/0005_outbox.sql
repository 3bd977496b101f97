-- What was decided here and is still to be done elsewhere. Written in the transaction that decides it, done at least
-- once by an id that makes it take effect once, and gone when it is done.
CREATE TABLE outbox (
    subject_id  BINARY(16)   NOT NULL COMMENT 'the order or the line that it is about, by its kind',
    kind        VARCHAR(24)  NOT NULL,
    attempt     INT UNSIGNED NOT NULL COMMENT 'how often it was taken up; the fencing token of its lease',
    lease_until DATETIME(6)  NOT NULL COMMENT 'nobody else takes it up before',
    created_at  DATETIME(6)  NOT NULL,
    CONSTRAINT outbox_pk PRIMARY KEY (subject_id, kind),
    KEY outbox_by_lease (lease_until)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
