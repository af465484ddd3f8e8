"""Alertmanager's `POST /api/v2/alerts`, simulated: no Alertmanager runs in these tests.

What it checks was written after `postableAlerts` in api/v2/openapi.yaml of prometheus/alertmanager
(commit 07d03b6) and after what its handler refuses beside that: names that are no labels, an end
before the beginning. It is stricter in one thing: what the API does not know is refused here.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from tests.core.alerts.notify import hooks

_KNOWN = {"labels", "annotations", "startsAt", "endsAt", "generatorURL"}
_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


class Alertmanager:
    """What fires by what it was told: labels to (startsAt, endsAt)."""

    def __init__(self) -> None:
        self.alerts: dict[tuple[tuple[str, str], ...], tuple[datetime, datetime]] = {}
        self.annotations: list[dict[str, str]] = []

    def answer(self, got: hooks.Got) -> hooks.Answer:
        """200, or 400 with what is wrong."""
        if (got.method, got.path) != ("POST", "/am/api/v2/alerts"):
            return 404, "no such route", {}
        if got.headers.get("content-type") != "application/json":
            return 415, "unsupported media type", {}
        posted = got.json
        if not isinstance(posted, list):
            return 400, "body is no array", {}
        for each in posted:
            if wrong := self._wrong(each):
                return 400, wrong, {}
        for each in posted:
            labels = tuple(sorted(each["labels"].items()))
            self.alerts[labels] = (_instant(each["startsAt"]), _instant(each["endsAt"]))
            self.annotations.append(each["annotations"])
        return 200, "", {}

    def _wrong(self, each: Any) -> str:
        if not isinstance(each, dict) or not each.get("labels") or each.keys() - _KNOWN:
            return f"no alert: {each!r}"
        for pairs in (each["labels"], each.get("annotations", {})):
            if not all(_NAME.fullmatch(name) and isinstance(v, str) for name, v in pairs.items()):
                return f"no labels: {pairs!r}"
        if not all(each["labels"].values()):
            return "an empty label"
        if _instant(each["endsAt"]) < _instant(each["startsAt"]):
            return "start time must be before end time"
        return ""

    def firing(self, now: datetime) -> set[str]:
        """The names of what it takes for firing then."""
        return {dict(labels)["alertname"] for labels, (_, end) in self.alerts.items() if end > now}


def _instant(text: str) -> datetime:
    """RFC 3339."""
    made = datetime.fromisoformat(text)
    assert made.tzinfo
    return made
