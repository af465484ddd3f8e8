-- Leads and the calls about them, workflows, and money.

CREATE TYPE lead_status AS ENUM ('new', 'contacted', 'qualified', 'enrolled', 'lost');
CREATE TYPE call_state AS ENUM ('queued', 'ringing', 'in_progress', 'completed', 'failed');
CREATE TYPE payment_status AS ENUM ('created', 'captured', 'failed', 'refunded');
CREATE TYPE workflow_trigger AS ENUM ('lead_untouched', 'lead_lost', 'meeting_no_show');

CREATE TABLE leads (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name text NOT NULL,
    email text NOT NULL,
    phone text NOT NULL,
    source text NOT NULL,
    status lead_status NOT NULL DEFAULT 'new',
    owner_id uuid REFERENCES users,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX leads_unassigned ON leads (created_at) WHERE owner_id IS NULL;
CREATE INDEX leads_by_status ON leads (status, updated_at);

-- Calls by the AI callers. Events are what the provider's webhooks said, in the order of arrival.
CREATE TABLE ai_calls (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    lead_id uuid NOT NULL REFERENCES leads,
    caller text NOT NULL CHECK (caller IN ('aarya', 'miss_ozone')),
    state call_state NOT NULL DEFAULT 'queued',
    started_at timestamptz NOT NULL,
    ended_at timestamptz,
    summary text,
    reconciled_at timestamptz
);
CREATE INDEX ai_calls_open ON ai_calls (caller, started_at)
    WHERE state IN ('queued', 'ringing', 'in_progress');

CREATE TABLE ai_call_events (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    call_id uuid NOT NULL REFERENCES ai_calls ON DELETE CASCADE,
    state call_state NOT NULL,
    at timestamptz NOT NULL
);
CREATE INDEX ai_call_events_by_call ON ai_call_events (call_id, at);

CREATE TABLE workflows (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name text NOT NULL UNIQUE,
    trigger workflow_trigger NOT NULL,
    after_hours integer NOT NULL CHECK (after_hours >= 0),
    enabled boolean NOT NULL DEFAULT true
);

CREATE TABLE workflow_runs (
    workflow_id uuid NOT NULL REFERENCES workflows,
    subject_id uuid NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workflow_id, subject_id)
);

CREATE TABLE payments (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL REFERENCES users,
    order_id text NOT NULL UNIQUE,
    amount_paise bigint NOT NULL CHECK (amount_paise > 0),
    gst_paise bigint NOT NULL CHECK (gst_paise >= 0),
    status payment_status NOT NULL DEFAULT 'created',
    invoice_number text UNIQUE,
    created_at timestamptz NOT NULL DEFAULT now(),
    captured_at timestamptz
);
CREATE INDEX payments_by_capture ON payments (captured_at) WHERE status = 'captured';

CREATE TABLE notifications (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    phone text NOT NULL,
    channel text NOT NULL CHECK (channel IN ('whatsapp', 'in_app')),
    body text NOT NULL,
    sent_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX notifications_by_time ON notifications (sent_at);
