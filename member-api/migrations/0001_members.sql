-- An account with exactly one role. A closed account keeps its row, for the ledger's sake, and nothing personal.
CREATE TABLE members (
    id            BINARY(16)   NOT NULL,
    role          VARCHAR(8)   NOT NULL,
    email         VARCHAR(254) NULL COMMENT 'trimmed and lower-cased; null once closed, so that it can be used anew',
    password_hash VARCHAR(255) NULL COMMENT 'a PHC string; null once closed',
    name          VARCHAR(50)  NOT NULL,
    phone         VARCHAR(11)  NULL COMMENT 'digits only',
    created_at    DATETIME(6)  NOT NULL,
    updated_at    DATETIME(6)  NOT NULL,
    closed_at     DATETIME(6)  NULL,
    CONSTRAINT members_pk PRIMARY KEY (id),
    CONSTRAINT members_email_key UNIQUE (email),
    CONSTRAINT members_role_check CHECK (role IN ('CUSTOMER', 'SELLER', 'ADMIN')),
    CONSTRAINT members_closed_check CHECK ((closed_at IS NULL) = (email IS NOT NULL AND password_hash IS NOT NULL))
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
