-- What was said to leads, asked of AskMas, and told the AI agents: append-only, as the other trails.

CREATE TYPE mas_crm.send_status AS ENUM ('sent', 'failed');

CREATE TABLE mas_crm.lead_email_log (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    lead_id uuid REFERENCES public.leads,  -- null: to somebody who is no lead
    recipient text NOT NULL,
    template text NOT NULL,
    status mas_crm.send_status NOT NULL,
    error text,
    correlation_id text,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX lead_email_log_by_recipient ON mas_crm.lead_email_log (recipient, created_at);

CREATE TABLE mas_crm.lead_whatsapp_log (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    lead_id uuid REFERENCES public.leads,
    phone text NOT NULL,
    template text NOT NULL,
    status mas_crm.send_status NOT NULL,
    correlation_id text,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX lead_whatsapp_log_by_phone ON mas_crm.lead_whatsapp_log (phone, created_at);

CREATE TABLE mas_crm.ask_mas_log (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL REFERENCES public.users,
    question text NOT NULL,
    answer text NOT NULL,
    took_ms integer NOT NULL,
    correlation_id text,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ask_mas_log_by_user ON mas_crm.ask_mas_log (user_id, created_at);

CREATE TABLE agent_configurations (
    agent text PRIMARY KEY CHECK (agent IN ('aarya', 'miss_ozone')),
    version integer NOT NULL,
    config jsonb NOT NULL,
    updated_at timestamptz NOT NULL
);

CREATE TABLE agent_configuration_history (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    agent text NOT NULL,
    version integer NOT NULL,
    config jsonb NOT NULL,
    changed_by uuid NOT NULL REFERENCES users,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (agent, version)
);

REVOKE UPDATE, DELETE ON agent_configuration_history FROM mentor_app;
GRANT SELECT, INSERT ON mas_crm.lead_email_log, mas_crm.lead_whatsapp_log, mas_crm.ask_mas_log
    TO mentor_app;

CREATE INDEX leads_by_phone ON leads (phone, created_at);
