"""What a rollback runs into: a schema and jobs that are newer than the release it goes back to."""

from __future__ import annotations

import asyncio

import httpx

from mrcore import redact
from mrcore.model import base, plans
from mrcore.sources import base as sources

ANSWER_S = 2.0
_MOST_BYTES = 64 * 1024
_MOST_NAMED = 5


async def ask(client: httpx.AsyncClient, url: str, name: str) -> list[plans.Remark]:
    """Remarks for a plan to send the traffic to the colour `name`; not knowing is one, too."""
    try:
        async with asyncio.timeout(ANSWER_S):
            answer = await client.get(url)
        body = sources.parse_json(answer.content[:_MOST_BYTES])
    except (TimeoutError, httpx.HTTPError, httpx.InvalidURL, ValueError, RecursionError) as error:
        return [_unknown(name, f"it does not answer ({type(error).__name__})")]
    if answer.status_code != 200 or not isinstance(body, dict) or body.get("success") is not True:
        return [_unknown(name, f"it answers {answer.status_code}")]
    found = _schema(name, body.get("migrations")) + _jobs(name, body.get("jobs"))
    if found:
        return [plans.Remark(text=redact.text(text), level=base.Level.WARN) for text in found]
    return [plans.Remark(text=f"preflight: {name} knows the schema and all jobs that wait")]


def _unknown(name: str, why: str) -> plans.Remark:
    text = f"preflight: nobody knows whether {name} can read schema and jobs: {why}"
    return plans.Remark(text=text, level=base.Level.WARN)


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
