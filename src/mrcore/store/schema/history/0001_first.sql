CREATE TABLE series (
    id     INTEGER PRIMARY KEY,
    metric TEXT NOT NULL,
    ref    TEXT NOT NULL,
    UNIQUE (ref, metric)
);

-- Means of `n` points in the `step_s` seconds from `at_s` (seconds since 1970).
CREATE TABLE rollup (
    series INTEGER NOT NULL REFERENCES series ON DELETE CASCADE,
    step_s INTEGER NOT NULL,
    at_s   INTEGER NOT NULL,
    mean   REAL NOT NULL,
    n      INTEGER NOT NULL,
    PRIMARY KEY (series, step_s, at_s)
) WITHOUT ROWID;
CREATE INDEX rollup_age ON rollup (step_s, at_s);
