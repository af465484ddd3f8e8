-- What students do: assignments, progress, applications, and what is computed from them.

CREATE TABLE sync_configs (
    id text PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('mrlearn', 'mrtest', 'aarya')),
    base_url text NOT NULL DEFAULT '',  -- empty: this integration is off
    api_key text NOT NULL,
    every_hours numeric NOT NULL CHECK (every_hours > 0),
    enabled boolean NOT NULL DEFAULT true,
    last_synced_at timestamptz
);

CREATE TABLE progress (
    student_id uuid NOT NULL REFERENCES users,
    source text NOT NULL CHECK (source IN ('mrlearn', 'mrtest')),
    module text NOT NULL,
    percent integer NOT NULL CHECK (percent BETWEEN 0 AND 100),
    synced_at timestamptz NOT NULL,
    PRIMARY KEY (student_id, source, module)
);

CREATE TABLE assignments (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    student_id uuid NOT NULL REFERENCES users,
    title text NOT NULL,
    due_at timestamptz NOT NULL,
    submitted_at timestamptz,
    reminded_at timestamptz
);
CREATE INDEX assignments_open_by_due ON assignments (due_at) WHERE submitted_at IS NULL;

CREATE TABLE warnings (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    student_id uuid NOT NULL REFERENCES users,
    reason text NOT NULL,
    day date NOT NULL,
    UNIQUE (student_id, reason, day)
);

CREATE TABLE daily_cards (
    student_id uuid NOT NULL REFERENCES users,
    day date NOT NULL,
    body jsonb NOT NULL,
    PRIMARY KEY (student_id, day)
);

CREATE TABLE applications (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    student_id uuid NOT NULL REFERENCES users,
    job_title text NOT NULL,
    salary_lpa numeric(6, 2),  -- lakh rupees a year; null until an offer
    applied_at timestamptz NOT NULL,
    platform platform  -- null: from before there were two; the nightly backfill fills it
);
CREATE INDEX applications_without_platform ON applications (applied_at) WHERE platform IS NULL;

CREATE TABLE salary_benchmarks (
    job_title text PRIMARY KEY,
    p25_lpa numeric(6, 2) NOT NULL,
    p50_lpa numeric(6, 2) NOT NULL,
    p75_lpa numeric(6, 2) NOT NULL,
    offers integer NOT NULL,
    computed_at timestamptz NOT NULL
);

CREATE TABLE badges (
    student_id uuid NOT NULL REFERENCES users,
    badge text NOT NULL,
    awarded_at timestamptz NOT NULL,
    PRIMARY KEY (student_id, badge)
);

CREATE TABLE student_risks (
    student_id uuid PRIMARY KEY REFERENCES users,
    score integer NOT NULL CHECK (score BETWEEN 0 AND 100),
    computed_at timestamptz NOT NULL
);
