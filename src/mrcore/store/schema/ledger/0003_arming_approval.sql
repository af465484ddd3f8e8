-- Who may change a protected environment, until when, and why; `operation` is the one that armed.
CREATE TABLE arming (
    login     TEXT PRIMARY KEY,
    reason    TEXT NOT NULL,
    since     TEXT NOT NULL,
    until     TEXT NOT NULL,
    operation INTEGER NOT NULL
) WITHOUT ROWID;

-- A plan that somebody wanted to apply and that needs a second login's answer, which holds until
-- the plan expires; `state` is waiting, approved or refused, `by` has answered.
CREATE TABLE approval (
    plan_id  TEXT PRIMARY KEY REFERENCES plan ON DELETE CASCADE,
    login    TEXT NOT NULL,
    reason   TEXT NOT NULL,
    asked_at TEXT NOT NULL,
    until    TEXT NOT NULL,
    state    TEXT NOT NULL,
    by       TEXT NOT NULL,
    answer   TEXT NOT NULL
) WITHOUT ROWID;
