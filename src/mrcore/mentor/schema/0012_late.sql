-- Which webhooks came late, and how far apart they usually are.

GRANT SELECT (razorpay_payment_id) ON payments TO mr_watcher;
GRANT SELECT (payment_id) ON razorpay_events TO mr_watcher;
