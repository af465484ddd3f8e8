-- Up to which notice all are in messages: what was told before there were channels is told to none.
CREATE TABLE sorted (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    seq INTEGER NOT NULL
);
INSERT INTO sorted SELECT 1, COALESCE(MAX(seq), 0) FROM notice;

-- What is told to one channel of one group. It takes more notices until it is written (`body`):
-- from then on every try sends the same bytes under the same key.
CREATE TABLE message (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    channel TEXT NOT NULL,
    grp     TEXT NOT NULL,
    made_at TEXT NOT NULL,
    due_at  TEXT NOT NULL,
    body    TEXT NOT NULL DEFAULT '',
    tries   INTEGER NOT NULL DEFAULT 0,
    error   TEXT NOT NULL DEFAULT '',
    ended_at TEXT,
    outcome TEXT NOT NULL DEFAULT ''
);
CREATE INDEX message_waits ON message (channel, grp, id) WHERE ended_at IS NULL;
CREATE INDEX message_ended ON message (channel, grp, ended_at);

CREATE TABLE told (
    notice  INTEGER NOT NULL REFERENCES notice (seq),
    message INTEGER NOT NULL REFERENCES message (id),
    PRIMARY KEY (notice, message)
) WITHOUT ROWID;
CREATE INDEX told_message ON told (message);

-- What is remembered of every dead man's switch, by its name.
CREATE TABLE heartbeat (
    name TEXT PRIMARY KEY,
    body TEXT NOT NULL
) WITHOUT ROWID;
