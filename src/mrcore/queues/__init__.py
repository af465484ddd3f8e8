"""What is the same over every job engine: fingerprints, groups, expiry, patches, verdicts. Pure."""
