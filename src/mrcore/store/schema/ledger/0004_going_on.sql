-- Whose right an operation goes on under once somebody has resumed it ('' and NULL: who began it), and why it waits.
ALTER TABLE operation ADD COLUMN resumed_by    TEXT NOT NULL DEFAULT '';
ALTER TABLE operation ADD COLUMN resumed_roles TEXT NOT NULL DEFAULT '[]';
ALTER TABLE operation ADD COLUMN held          TEXT NOT NULL DEFAULT '';
