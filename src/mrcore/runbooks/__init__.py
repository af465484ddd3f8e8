"""Runbooks: read strictly, run step by step, proven before a run says that all is well."""
