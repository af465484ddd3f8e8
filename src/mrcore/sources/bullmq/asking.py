"""Commands to Redis whose refusal names BullMQ, and what replies are as plain values."""

from __future__ import annotations

from mrcore.sources.engine import asking

ask = asking.Asking("BullMQ").ask
text, whole, items = asking.text, asking.whole, asking.items
number, pairs = asking.number, asking.pairs
