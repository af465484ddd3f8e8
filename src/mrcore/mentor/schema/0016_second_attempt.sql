-- An order whose payment failed may be paid in a second attempt: it is asked of and stands like another.

UPDATE payments SET unpaid_at = now(), asked_at = now() WHERE status = 'failed' AND unpaid_at IS NULL;
DROP INDEX payments_untold, payments_standing;
CREATE INDEX payments_untold ON payments (created_at) WHERE status IN ('created', 'failed');
CREATE INDEX payments_standing ON payments (created_at)
 WHERE status IN ('created', 'failed') AND unpaid_at IS NULL;
