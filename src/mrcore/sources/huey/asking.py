"""Commands to Redis whose refusal names huey, and what replies are as plain values."""

from __future__ import annotations

from mrcore.sources.engine import asking

ask = asking.Asking("huey").ask
