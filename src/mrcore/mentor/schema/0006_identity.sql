-- How people prove who they are, and who was behind a login as somebody else.

ALTER TABLE users ADD COLUMN password_hash text;  -- argon2; null: in by one-time code only

-- The playbook's drawing names only whom a master login was for; a trail must say who did it, too.
ALTER TABLE login_logs ADD COLUMN "actorId" uuid REFERENCES users;
