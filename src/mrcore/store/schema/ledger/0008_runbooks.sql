-- Runs of runbooks: what is remembered of each is a text. One that is active is alone of its
-- runbook on what it is about.
CREATE TABLE runbook_run (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    runbook  TEXT NOT NULL,
    subject  TEXT NOT NULL,
    active   INTEGER NOT NULL,
    state    TEXT NOT NULL,
    began_at TEXT NOT NULL,
    ended_at TEXT NOT NULL,
    body     TEXT NOT NULL
);
CREATE UNIQUE INDEX runbook_run_alone ON runbook_run (runbook, subject) WHERE active;

-- For which firing of which alert there was a run: none begins twice by itself.
CREATE TABLE run_alert (
    alert TEXT NOT NULL,
    fired TEXT NOT NULL,
    run   INTEGER NOT NULL,
    PRIMARY KEY (alert, fired)
) WITHOUT ROWID;

-- The timeline of runs.
CREATE TABLE run_event (
    seq  INTEGER PRIMARY KEY AUTOINCREMENT,
    run  INTEGER NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX run_event_of ON run_event (run, seq);
