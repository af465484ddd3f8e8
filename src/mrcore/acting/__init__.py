"""The one way by which anything is changed: plans, operations, undo."""
