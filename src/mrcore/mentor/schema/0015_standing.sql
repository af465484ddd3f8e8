-- An order stands until it is settled or Razorpay says that nobody has paid it, however old it is.

-- Whoever was not asked of within two hours was never asked of: an old checkout is no news today.
UPDATE payments SET unpaid_at = now()
 WHERE status = 'created' AND asked_at IS NULL AND created_at < now() - interval '2 hours';
CREATE INDEX payments_standing ON payments (created_at)
 WHERE status = 'created' AND unpaid_at IS NULL;
