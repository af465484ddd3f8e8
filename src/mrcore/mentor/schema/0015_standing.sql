-- An order stands until it is settled or Razorpay says that nobody has paid it, however old it is.

-- Before this nobody asked of what was older than two hours: what was never asked of stays uncounted.
UPDATE payments SET unpaid_at = now()
 WHERE status = 'created' AND asked_at IS NULL AND created_at < now() - interval '2 hours';
CREATE INDEX payments_standing ON payments (created_at)
 WHERE status = 'created' AND unpaid_at IS NULL;
