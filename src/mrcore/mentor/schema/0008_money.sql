-- What a payment leads to: one grant and one invoice, however often the webhook comes.

-- Razorpay's own name of a payment: what people search logs and the GST trail for.
ALTER TABLE payments ADD COLUMN razorpay_payment_id text UNIQUE;

CREATE TABLE razorpay_events (
    event_id text PRIMARY KEY,  -- of the header x-razorpay-event-id
    event text NOT NULL,
    payment_id text NOT NULL,
    received_at timestamptz NOT NULL
);
CREATE INDEX razorpay_events_by_payment ON razorpay_events (payment_id, received_at);

CREATE TABLE token_grants (
    payment_id uuid PRIMARY KEY REFERENCES payments,
    user_id uuid NOT NULL REFERENCES users,
    tokens integer NOT NULL CHECK (tokens > 0),
    granted_at timestamptz NOT NULL
);

CREATE SEQUENCE invoice_numbers;
CREATE TABLE invoices (
    payment_id uuid PRIMARY KEY REFERENCES payments,
    number text NOT NULL UNIQUE,
    amount_paise bigint NOT NULL CHECK (amount_paise > 0),
    gst_paise bigint NOT NULL CHECK (gst_paise >= 0),
    gstin text,
    billing_name text,
    place_of_supply text,
    issued_at timestamptz NOT NULL
);

-- Null: no person did it, but Razorpay's webhook or a job.
ALTER TABLE superadmin.gst_audit_log ALTER COLUMN changed_by DROP NOT NULL;

GRANT USAGE ON SEQUENCE invoice_numbers TO mentor_app;
