-- Sign-ins that have not succeeded, counted by account and by address in windows of time.
CREATE TABLE sign_in_attempts (
    subject        BINARY(32)  NOT NULL COMMENT 'SHA-256 of the kind and the email or address',
    attempts       INT         NOT NULL,
    window_ends_at DATETIME(6) NOT NULL,
    CONSTRAINT sign_in_attempts_pk PRIMARY KEY (subject),
    CONSTRAINT sign_in_attempts_check CHECK (attempts >= 0),
    KEY sign_in_attempts_by_window (window_ends_at)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
