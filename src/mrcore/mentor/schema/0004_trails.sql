-- The audit trails, with the playbook's names; append-only, see 0005.

CREATE SCHEMA superadmin;
CREATE SCHEMA mas_crm;

CREATE TYPE log_action AS ENUM ('login', 'logout', 'master_login');
CREATE TABLE login_logs (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    "userId" uuid NOT NULL REFERENCES users,
    action log_action NOT NULL,
    "ipAddress" varchar(45) NOT NULL,
    "userAgent" text NOT NULL,
    timestamp timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX login_logs_by_user ON login_logs ("userId", timestamp);

CREATE TYPE superadmin.gst_audit_action AS ENUM ('create', 'update', 'issue');
CREATE TABLE superadmin.gst_audit_log (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    payment_id varchar NOT NULL,
    invoice_number varchar,
    action superadmin.gst_audit_action NOT NULL,
    field varchar NOT NULL,
    old_value text,
    new_value text,
    changed_by uuid NOT NULL REFERENCES public.users,
    changed_by_email varchar NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX gst_audit_log_by_payment ON superadmin.gst_audit_log (payment_id, created_at);

CREATE TYPE mas_crm.lead_activity_type AS ENUM ('created', 'status_changed', 'owner_changed');
CREATE TABLE mas_crm.lead_activity_log (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    lead_id uuid NOT NULL REFERENCES public.leads,
    activity_type mas_crm.lead_activity_type NOT NULL,
    changed_by uuid REFERENCES public.users,  -- null: a job did it
    old_value text,
    new_value text,
    -- The playbook's drawing leaves the time out; a trail that cannot say when proves nothing.
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX lead_activity_log_by_lead ON mas_crm.lead_activity_log (lead_id, created_at);
