-- What proves that a sync's service answers, and that a payment was settled.

-- The probe of a sync asks where the sync asks.
GRANT SELECT (base_url) ON sync_configs TO mr_watcher;

-- How often Razorpay sent one event.
ALTER TABLE razorpay_events ADD COLUMN deliveries integer NOT NULL DEFAULT 1;
GRANT SELECT (deliveries) ON razorpay_events TO mr_watcher;

-- What is settled has its row in the GST trail.
GRANT USAGE ON SCHEMA superadmin TO mr_watcher;
GRANT SELECT (payment_id) ON superadmin.gst_audit_log TO mr_watcher;
