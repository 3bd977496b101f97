-- Wrong passwords, and sign-ups with an email that is taken, by account and by address. They are forgiven with time.
CREATE TABLE sign_in_failures (
    subject       BINARY(32)  NOT NULL COMMENT 'keyed hash of the kind and the email or address',
    clear_at      DATETIME(6) NOT NULL COMMENT 'when the last of the failures is forgiven; each failure adds the time after which one is',
    failed_at     DATETIME(6) NOT NULL COMMENT 'the last failure; the delay begins here',
    claimed_until DATETIME(6) NOT NULL COMMENT 'until then, one attempt is being decided and others wait',
    CONSTRAINT sign_in_failures_pk PRIMARY KEY (subject),
    KEY sign_in_failures_by_clear (clear_at)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
