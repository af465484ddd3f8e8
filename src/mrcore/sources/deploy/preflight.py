"""What a rollback runs into: a schema and jobs that are newer than the release it goes back to."""

from __future__ import annotations

import asyncio
import time
from typing import NamedTuple

import httpx

from mrcore import redact
from mrcore.model import base, plans
from mrcore.sources import base as sources

ANSWER_S = 2.0
_MOST_BYTES = 64 * 1024
_MOST_NAMED = 5


class Answer(NamedTuple):
    """What a colour says of what is newer than it is: codes `schema_drift`, `jobs` or `unknown`."""

    verdict: base.Verdict
    sentences: tuple[str, ...]


class Preflights:
    """What each colour said last; it looks at every queue for that, so it is asked seldom."""

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._known: dict[str, tuple[float, base.Verdict]] = {}

    async def of(self, client: httpx.AsyncClient, url: str, name: str) -> base.Verdict:
        """What the colour `name` says, asked again when that is too old."""
        known = self._known.get(name)
        if known is None or time.monotonic() - known[0] >= self._every_s:
            said = await ask(client, url, name)
            known = self._known[name] = (time.monotonic(), said.verdict)
        return known[1]

    def forget(self, name: str) -> None:
        """Ask a colour anew the next time."""
        self._known.pop(name, None)


def remarks(said: Answer) -> list[plans.Remark]:
    """Remarks for a plan to send the traffic there; not knowing is one, too."""
    level = base.Level.OK if said.verdict.level is base.Level.OK else base.Level.WARN
    return [plans.Remark(text=text, level=level) for text in said.sentences]


async def ask(client: httpx.AsyncClient, url: str, name: str) -> Answer:
    """What the colour `name` says within 2 s."""
    try:
        async with asyncio.timeout(ANSWER_S):
            answer = await client.get(url)
        body = sources.parse_json(answer.content[:_MOST_BYTES])
    except (TimeoutError, httpx.HTTPError, httpx.InvalidURL, ValueError, RecursionError) as error:
        return unknown(name, f"it does not answer ({type(error).__name__})")
    if answer.status_code != 200 or not isinstance(body, dict) or body.get("success") is not True:
        return unknown(name, f"it answers {answer.status_code}")
    drift = _schema(name, body.get("migrations"))
    found = tuple(redact.text(each) for each in drift + _jobs(name, body.get("jobs")))
    if found:
        code = "schema_drift" if drift else "jobs"
        why = "; ".join(found)
        return Answer(base.Verdict(level=base.Level.WARN, code=code, why=why), found)
    return Answer(base.OK, (f"preflight: {name} knows the schema and all jobs that wait",))


def unknown(name: str, why: str) -> Answer:
    """Nothing is known of the colour `name`, and why."""
    text = f"preflight: nobody knows whether {name} can read schema and jobs: {why}"
    return Answer(base.Verdict(level=base.Level.UNKNOWN, code="unknown", why=text), (text,))


def _schema(name: str, said: object) -> list[str]:
    names = [str(each)[:100] for each in said] if isinstance(said, list) else []
    if not names:
        return []
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return [f"schema drift: {name} does not know {', '.join(names[:_MOST_NAMED])}{more}"]


def _jobs(name: str, said: object) -> list[str]:
    rows = [each for each in said if isinstance(each, dict)] if isinstance(said, list) else []
    return [
        f"{name} cannot run {row.get('count')} {str(row.get('job'))[:100]}"
        f" in {str(row.get('queue'))[:100]}"
        for row in rows[:_MOST_NAMED]
    ]
