-- One try to complete a step of a job instance.
CREATE TABLE step_executions (
    id               BINARY(16)    NOT NULL,
    job_execution_id BINARY(16)    NOT NULL,
    step_name        VARCHAR(50)   NOT NULL,
    status           VARCHAR(16)   NOT NULL,
    exit_message     VARCHAR(2500) NULL,
    expected_count   BIGINT        NOT NULL COMMENT 'how many items there are to read',
    read_count       BIGINT        NOT NULL,
    write_count      BIGINT        NOT NULL,
    skip_count       BIGINT        NOT NULL COMMENT 'items that were written before, by a run that died before it said so',
    commit_count     BIGINT        NOT NULL COMMENT 'chunks',
    checkpoint       VARCHAR(200)  NULL COMMENT 'where the next chunk begins',
    start_time       DATETIME(6)   NOT NULL,
    last_updated     DATETIME(6)   NOT NULL,
    end_time         DATETIME(6)   NULL,
    CONSTRAINT step_executions_pk PRIMARY KEY (id),
    CONSTRAINT step_executions_step_key UNIQUE (job_execution_id, step_name),
    CONSTRAINT step_executions_job_fk FOREIGN KEY (job_execution_id) REFERENCES job_executions (id),
    CONSTRAINT step_executions_status_check CHECK (status IN ('STARTED', 'COMPLETED', 'STOPPED', 'FAILED')),
    CONSTRAINT step_executions_end_check CHECK ((status = 'STARTED') = (end_time IS NULL))
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
