"""Commands to Redis whose refusal names RQ, and what replies are as plain values."""

from __future__ import annotations

from mrcore.sources.engine import asking

ask = asking.Asking("RQ").ask
text, whole, some, pairs = asking.text, asking.whole, asking.items, asking.pairs
