-- What calls to other services came to, which secret each process reads, and what the watcher may see.

CREATE TABLE upstream_calls (
    upstream text NOT NULL,
    minute timestamptz NOT NULL,
    status integer NOT NULL,  -- of HTTP or SMTP; 0: no answer
    calls integer NOT NULL,
    took_ms bigint NOT NULL,  -- of all of them together
    last_at timestamptz NOT NULL,
    PRIMARY KEY (upstream, minute, status)
);
CREATE INDEX upstream_calls_by_minute ON upstream_calls (minute);

CREATE TABLE process_secrets (
    process text PRIMARY KEY,
    secret text NOT NULL,
    version text NOT NULL,  -- its id; its value is nowhere here
    read_at timestamptz NOT NULL
);

GRANT USAGE ON SCHEMA public TO mr_watcher;
GRANT SELECT ON upstream_calls, process_secrets TO mr_watcher;
GRANT SELECT (id, status, invoice_number, created_at, captured_at) ON payments TO mr_watcher;
GRANT SELECT (payment_id) ON invoices, token_grants TO mr_watcher;
GRANT SELECT (received_at) ON razorpay_events TO mr_watcher;
GRANT SELECT (at) ON exotel_callbacks, ai_call_events TO mr_watcher;
-- The key as well: the probe of a sync has to ask with what the sync asks with.
GRANT SELECT (id, kind, api_key, last_synced_at, enabled) ON sync_configs TO mr_watcher;
CREATE INDEX razorpay_events_by_time ON razorpay_events (received_at);
CREATE INDEX exotel_callbacks_by_time ON exotel_callbacks (at);
CREATE INDEX ai_call_events_by_time ON ai_call_events (at);
