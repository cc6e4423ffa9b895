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
    detail TEXT NOT NULL,
    PRIMARY KEY (run, number)
);

CREATE TABLE leadloader_changes (
    run VARCHAR(64) NOT NULL,
    number INTEGER NOT NULL,
    row_number BIGINT NOT NULL,
    field VARCHAR(64) NOT NULL,
    lead_id BIGINT NOT NULL,
    old TEXT,
    new TEXT,
    done INTEGER NOT NULL,
    PRIMARY KEY (run, number, row_number, field)
);

CREATE TABLE leadloader_runs (
    run VARCHAR(64) NOT NULL,
    job VARCHAR(16) NOT NULL,
    source TEXT NOT NULL,
    sha256 VARCHAR(64) NOT NULL,
    options_sha256 VARCHAR(64) NOT NULL,
    options TEXT NOT NULL,
    mapping TEXT NOT NULL,
    os_user VARCHAR(64) NOT NULL,
    host VARCHAR(255) NOT NULL,
    pid BIGINT NOT NULL,
    owner VARCHAR(32) NOT NULL,
    began DATETIME NOT NULL,
    ended DATETIME,
    state VARCHAR(16) NOT NULL,
    message TEXT NOT NULL,
    rows_read BIGINT NOT NULL,
    loaded BIGINT NOT NULL,
    rejected BIGINT NOT NULL,
    counts TEXT NOT NULL,
    results TEXT NOT NULL,
    of_run VARCHAR(64) NOT NULL,
    writes BIGINT NOT NULL,
    PRIMARY KEY (run)
);

CREATE TABLE leadloader_version (
    version INTEGER NOT NULL,
    PRIMARY KEY (version)
);

INSERT INTO leadloader_version (version) VALUES (1);
