CREATE TABLE leadloader_batches (
    run VARCHAR(64) NOT NULL,
    number INTEGER NOT NULL,
    kind VARCHAR(16) NOT NULL,
    state VARCHAR(16) NOT NULL,
    first_row BIGINT NOT NULL,
    last_row BIGINT NOT NULL,
    row_count INTEGER NOT NULL,
    watermark BIGINT,
    moment VARCHAR(19),
    session VARCHAR(64),
    first_lead_id BIGINT,
    last_lead_id BIGINT,
    detail LONGTEXT NOT NULL,
    PRIMARY KEY (run, number)
)ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 ROW_FORMAT=DYNAMIC COLLATE utf8mb4_bin;

CREATE TABLE leadloader_changes (
    run VARCHAR(64) NOT NULL,
    number INTEGER NOT NULL,
    `row_number` BIGINT NOT NULL,
    field VARCHAR(64) NOT NULL,
    lead_id BIGINT NOT NULL,
    old LONGTEXT,
    new LONGTEXT,
    done INTEGER NOT NULL,
    PRIMARY KEY (run, number, `row_number`, field)
)ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 ROW_FORMAT=DYNAMIC COLLATE utf8mb4_bin;

CREATE TABLE leadloader_runs (
    run VARCHAR(64) NOT NULL,
    job VARCHAR(16) NOT NULL,
    source TEXT NOT NULL,
    sha256 VARCHAR(64) NOT NULL,
    options_sha256 VARCHAR(64) NOT NULL,
    options LONGTEXT NOT NULL,
    mapping LONGTEXT NOT NULL,
    os_user VARCHAR(64) NOT NULL,
    host VARCHAR(255) NOT NULL,
    pid BIGINT NOT NULL,
    owner VARCHAR(32) NOT NULL,
    began DATETIME(6) NOT NULL,
    ended DATETIME(6),
    state VARCHAR(16) NOT NULL,
    message TEXT NOT NULL,
    rows_read BIGINT NOT NULL,
    loaded BIGINT NOT NULL,
    rejected BIGINT NOT NULL,
    counts LONGTEXT NOT NULL,
    results TEXT NOT NULL,
    of_run VARCHAR(64) NOT NULL,
    writes BIGINT NOT NULL,
    PRIMARY KEY (run)
)ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 ROW_FORMAT=DYNAMIC COLLATE utf8mb4_bin;

CREATE TABLE leadloader_version (
    version INTEGER NOT NULL,
    PRIMARY KEY (version)
)ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 ROW_FORMAT=DYNAMIC COLLATE utf8mb4_bin;

INSERT INTO leadloader_version (version) VALUES (1);
