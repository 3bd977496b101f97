-- What can be run, and who runs it: one run of a job at a time, over all instances.
CREATE TABLE jobs (
    name          VARCHAR(50)  NOT NULL,
    fencing_token BIGINT       NOT NULL COMMENT 'grows with each lease; whoever writes names the one that it has',
    holder        VARCHAR(100) NOT NULL COMMENT 'the process that had the last lease',
    lease_until   DATETIME(6)  NOT NULL COMMENT 'nobody else may run it before',
    CONSTRAINT jobs_pk PRIMARY KEY (name)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
