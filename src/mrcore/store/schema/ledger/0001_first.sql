-- The audit: `body` is canonical JSON that holds seq and the hash before it; `hash` is its sha256.
CREATE TABLE audit (
    seq  INTEGER PRIMARY KEY,
    body TEXT NOT NULL,
    hash TEXT NOT NULL
);
CREATE TRIGGER audit_keeps_rows BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit is never deleted from'); END;
CREATE TRIGGER audit_keeps_words BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit is never changed'); END;

-- A plan with its targets; `content` is the hash of what it does, `source` applies it, `owner` is the collection's ref or ''.
CREATE TABLE plan (
    plan_id    TEXT PRIMARY KEY,
    content    TEXT NOT NULL,
    source     TEXT NOT NULL,
    owner      TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    body       TEXT NOT NULL
) WITHOUT ROWID;

-- Who made a plan: only they may apply it.
CREATE TABLE planner (
    plan_id TEXT NOT NULL REFERENCES plan ON DELETE CASCADE,
    login   TEXT NOT NULL,
    PRIMARY KEY (plan_id, login)
) WITHOUT ROWID;

CREATE TABLE target (
    plan_id TEXT NOT NULL REFERENCES plan ON DELETE CASCADE,
    n       INTEGER NOT NULL,
    body    TEXT NOT NULL,
    outcome TEXT,
    why     TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (plan_id, n)
) WITHOUT ROWID;

CREATE TABLE operation (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    plan_id     TEXT NOT NULL UNIQUE REFERENCES plan,
    content     TEXT NOT NULL,  -- the plan's, for the index
    action      TEXT NOT NULL,
    label       TEXT NOT NULL,
    login       TEXT NOT NULL,
    reason      TEXT NOT NULL,
    state       TEXT NOT NULL,
    total       INTEGER NOT NULL,
    done        INTEGER NOT NULL DEFAULT 0,
    skipped     INTEGER NOT NULL DEFAULT 0,
    failed      INTEGER NOT NULL DEFAULT 0,
    started_at  TEXT NOT NULL,
    finished_at TEXT,
    error       TEXT NOT NULL DEFAULT '',
    open_first  INTEGER,  -- the open chunk: its intent is written, its outcome is not
    open_count  INTEGER
);
CREATE INDEX operation_content ON operation (content);

-- Bearer tokens: only the sha256 of the secret part is kept.
CREATE TABLE token (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    login      TEXT NOT NULL,
    roles      TEXT NOT NULL,
    hash       TEXT NOT NULL,
    created_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    revoked_at TEXT
);
