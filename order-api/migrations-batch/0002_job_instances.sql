-- A job with its parameters: it is completed once.
CREATE TABLE job_instances (
    id         BINARY(16)   NOT NULL,
    job_name   VARCHAR(50)  NOT NULL,
    job_key    VARCHAR(100) NOT NULL COMMENT 'the parameters: day=2026-11-22',
    created_at DATETIME(6)  NOT NULL,
    CONSTRAINT job_instances_pk PRIMARY KEY (id),
    CONSTRAINT job_instances_key UNIQUE (job_name, job_key)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
