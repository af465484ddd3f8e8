-- The id of a job may be used again: the same attempt at another time is another run.
CREATE TABLE run_each (
    number      INTEGER PRIMARY KEY,
    source      TEXT NOT NULL,
    queue       TEXT NOT NULL,
    id          TEXT NOT NULL,
    attempts    INTEGER NOT NULL,
    ref         TEXT NOT NULL,
    engine      TEXT NOT NULL,
    name        TEXT NOT NULL,
    state       TEXT NOT NULL,
    outcome     TEXT NOT NULL,
    error       TEXT NOT NULL,
    trace       TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    schedule    TEXT NOT NULL,
    enqueued_s  REAL,
    started_s   REAL,
    finished_s  REAL NOT NULL,
    captured_s  REAL NOT NULL
);
INSERT INTO run_each SELECT * FROM run;
DROP TABLE run;
ALTER TABLE run_each RENAME TO run;
CREATE INDEX run_age ON run (state, finished_s);
CREATE INDEX run_of ON run (source, queue, number);
CREATE INDEX run_job ON run (id, queue, source, finished_s);
