-- What is remembered of every alert that is not at rest: `id` is its ref.
CREATE TABLE alert (
    id   TEXT PRIMARY KEY,
    body TEXT NOT NULL
) WITHOUT ROWID;

-- What is to be told of alerts, in its order: whoever sends it remembers how far it came.
CREATE TABLE notice (
    seq      INTEGER PRIMARY KEY AUTOINCREMENT,
    alert    TEXT NOT NULL,
    fired_at TEXT NOT NULL,
    at       TEXT NOT NULL,
    kind     TEXT NOT NULL,
    why      TEXT NOT NULL,
    severity TEXT NOT NULL,
    summary  TEXT NOT NULL
);
CREATE UNIQUE INDEX notice_once ON notice (alert, fired_at, kind, at);

-- Who wants to hear nothing of a rule ('*': of all), or of its alert on one subject, and why.
CREATE TABLE silence (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    rule       TEXT NOT NULL,
    subject    TEXT NOT NULL,
    login      TEXT NOT NULL,
    reason     TEXT NOT NULL,
    starts_at  TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    operation  INTEGER NOT NULL,
    UNIQUE (operation, rule, subject)
);
