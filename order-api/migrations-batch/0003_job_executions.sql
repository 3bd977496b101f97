-- One try to complete a job instance.
CREATE TABLE job_executions (
    id              BINARY(16)    NOT NULL,
    job_instance_id BINARY(16)    NOT NULL,
    status          VARCHAR(16)   NOT NULL,
    exit_code       VARCHAR(32)   NULL COMMENT 'how it ended, in a word',
    exit_message    VARCHAR(2500) NULL COMMENT 'why it failed',
    cause           VARCHAR(16)   NOT NULL COMMENT 'what it was started by',
    holder          VARCHAR(100)  NOT NULL COMMENT 'the process that ran it',
    fencing_token   BIGINT        NOT NULL,
    start_time      DATETIME(6)   NOT NULL,
    last_updated    DATETIME(6)   NOT NULL COMMENT 'the heartbeat',
    end_time        DATETIME(6)   NULL,
    CONSTRAINT job_executions_pk PRIMARY KEY (id),
    CONSTRAINT job_executions_instance_fk FOREIGN KEY (job_instance_id) REFERENCES job_instances (id),
    CONSTRAINT job_executions_status_check CHECK (status IN ('STARTED', 'COMPLETED', 'STOPPED', 'FAILED')),
    CONSTRAINT job_executions_end_check CHECK ((status = 'STARTED') = (end_time IS NULL)),
    CONSTRAINT job_executions_exit_check CHECK ((status = 'STARTED') = (exit_code IS NULL)),
    KEY job_executions_by_instance (job_instance_id, id),
    KEY job_executions_by_status (status)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
