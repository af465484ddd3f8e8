-- Who started an operation, how it goes on, and what undoes what.
ALTER TABLE operation ADD COLUMN roles       TEXT NOT NULL DEFAULT '[]';
ALTER TABLE operation ADD COLUMN via         TEXT NOT NULL DEFAULT '';
ALTER TABLE operation ADD COLUMN uid         INTEGER;
ALTER TABLE operation ADD COLUMN token       INTEGER;
ALTER TABLE operation ADD COLUMN address     TEXT NOT NULL DEFAULT '';
ALTER TABLE operation ADD COLUMN approved_by TEXT NOT NULL DEFAULT '';
ALTER TABLE operation ADD COLUMN broke_glass INTEGER NOT NULL DEFAULT 0;
ALTER TABLE operation ADD COLUMN wanted      TEXT NOT NULL DEFAULT '';  -- 'paused' or 'stopped': after the open chunk
ALTER TABLE operation ADD COLUMN worked_s    REAL NOT NULL DEFAULT 0;
ALTER TABLE operation ADD COLUMN at          TEXT;
ALTER TABLE operation ADD COLUMN undoes      INTEGER REFERENCES operation;
ALTER TABLE operation ADD COLUMN undone_by   INTEGER REFERENCES operation;
ALTER TABLE operation ADD COLUMN undo_until  TEXT;

-- `does` is the action that the source is told: of an undo the one that it undoes, of operation `undoes`.
ALTER TABLE plan ADD COLUMN does   TEXT NOT NULL DEFAULT '';
ALTER TABLE plan ADD COLUMN undoes INTEGER REFERENCES operation;
UPDATE plan SET does = json_extract(body, '$.action');

-- Of an undo's target: its number in the plan of the operation that is undone.
ALTER TABLE target ADD COLUMN undoes_n INTEGER;

-- What undoing a target needs, encrypted; gone when it was undone or has expired.
CREATE TABLE memento (
    operation  INTEGER NOT NULL REFERENCES operation,
    n          INTEGER NOT NULL,
    body       BLOB NOT NULL,
    expires_at TEXT NOT NULL,
    PRIMARY KEY (operation, n)
) WITHOUT ROWID;
CREATE INDEX memento_expires_at ON memento (expires_at);

-- Operations, and whether something is kept to undo each.
CREATE VIEW operation_kept AS
SELECT operation.*, EXISTS (SELECT 1 FROM memento WHERE memento.operation = operation.id) AS kept
FROM operation;
