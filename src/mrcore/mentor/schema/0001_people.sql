-- Who uses Mr. Mentor, when mentors are free, and what was booked.

CREATE TYPE user_role AS ENUM ('student', 'mentor', 'sales', 'sales_head', 'admin', 'superadmin');
CREATE TYPE platform AS ENUM ('mr-mentor', 'my-analytics-school');
CREATE TYPE meeting_status AS ENUM ('scheduled', 'live', 'completed', 'cancelled', 'no_show');

CREATE TABLE users (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    email text NOT NULL,
    name text,  -- null: signed up by phone and never filled in the form
    phone text NOT NULL,
    role user_role NOT NULL,
    platform platform NOT NULL DEFAULT 'mr-mentor',
    created_at timestamptz NOT NULL DEFAULT now(),
    last_login_at timestamptz
);
CREATE UNIQUE INDEX users_email_key ON users (lower(email));

CREATE TABLE mentors (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL UNIQUE REFERENCES users,
    skill text NOT NULL,
    rating numeric(3, 2) NOT NULL
);

CREATE TABLE slots (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    mentor_id uuid NOT NULL REFERENCES mentors,
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL CHECK (ends_at > starts_at),
    booked_by uuid REFERENCES users
);
CREATE INDEX slots_free_by_end ON slots (ends_at) WHERE booked_by IS NULL;

CREATE TABLE meetings (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    slot_id uuid NOT NULL UNIQUE REFERENCES slots,
    mentor_id uuid NOT NULL REFERENCES mentors,
    student_id uuid NOT NULL REFERENCES users,
    status meeting_status NOT NULL DEFAULT 'scheduled',
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL
);
CREATE INDEX meetings_by_student ON meetings (student_id, starts_at);
CREATE INDEX meetings_by_start ON meetings (starts_at);

-- Which data this database holds; one row, written in the transaction that wrote the data.
CREATE TABLE mentor_seeds (
    seed bigint NOT NULL,
    scale text NOT NULL,
    seeded_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX mentor_seeds_one_row ON mentor_seeds ((true));
