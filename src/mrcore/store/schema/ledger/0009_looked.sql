-- When alerts were looked at last, where one of them waits: what nobody has seen does not count.
CREATE TABLE looked (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    at  TEXT NOT NULL
);
