-- Calls and messages that went out through Exotel, and what its callbacks said of them.

CREATE TYPE exotel_kind AS ENUM ('call', 'sms');

CREATE TABLE exotel_sends (
    sid text PRIMARY KEY,  -- Exotel's own
    kind exotel_kind NOT NULL,
    lead_id uuid NOT NULL REFERENCES leads,
    sent_by uuid NOT NULL REFERENCES users,
    status text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX exotel_sends_by_lead ON exotel_sends (lead_id, created_at);

CREATE TABLE exotel_callbacks (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sid text NOT NULL,
    status text NOT NULL,
    at timestamptz NOT NULL
);
CREATE INDEX exotel_callbacks_by_sid ON exotel_callbacks (sid, at);
