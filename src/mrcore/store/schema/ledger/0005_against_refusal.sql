-- Operations, whether something is kept to undo each, and who had refused what it does, with which words.
DROP VIEW operation_kept;
CREATE VIEW operation_kept AS
SELECT
    operation.*,
    EXISTS (SELECT 1 FROM memento WHERE memento.operation = operation.id) AS kept,
    coalesce(approval.by, '') AS refused_by,
    coalesce(approval.answer, '') AS refusal
FROM operation
LEFT JOIN approval ON approval.plan_id = operation.plan_id AND approval.state = 'refused';
