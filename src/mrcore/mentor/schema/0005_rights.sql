-- What the backend may do: everything to rows, nothing to tables; on the trails, append and read.

GRANT USAGE ON SCHEMA public, superadmin, mas_crm TO mentor_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO mentor_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO mentor_app;

REVOKE INSERT, UPDATE, DELETE ON mentor_migrations, mentor_seeds FROM mentor_app;
REVOKE UPDATE, DELETE ON login_logs FROM mentor_app;
GRANT SELECT, INSERT ON superadmin.gst_audit_log, mas_crm.lead_activity_log TO mentor_app;
