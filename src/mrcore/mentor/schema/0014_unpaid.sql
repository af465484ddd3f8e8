-- An order that nobody paid is no webhook that was lost: Razorpay is asked which of both it is.

-- When Razorpay was asked of it last, and since when it says that nobody has paid it.
ALTER TABLE payments ADD COLUMN asked_at timestamptz, ADD COLUMN unpaid_at timestamptz;
CREATE INDEX payments_untold ON payments (created_at) WHERE status = 'created';
GRANT SELECT (unpaid_at) ON payments TO mr_watcher;
