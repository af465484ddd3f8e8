-- The last number of what an engine counts (a queue's ends of a state) that the core has seen.
CREATE TABLE counted (
    name   TEXT PRIMARY KEY,
    number INTEGER NOT NULL
) WITHOUT ROWID;
