"""A core in a process of its own, for requests made from its OpenAPI.

It watches the Postgres and the Redis that it is told, and jobs that are simulated; it says in one
line of JSON how it is reached, and ends with its standard input.

Usage: python -m tests.core.openapi_core STATE DSN REDIS_URL
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from tests.core import doors, harness

PLANS = 10


async def main(state: Path, dsn: str, redis_url: str) -> None:
    """Answer until nobody listens any more."""
    jobs = harness.Jobs("jobs")
    refs = jobs.add(*map(str, range(PLANS)))
    sources = {"pg": {"dsn": dsn}, "redis": {"url": redis_url}, "huey": {"url": redis_url}}
    alerts = {"heartbeats": {"nightly": {"every_s": 3600}}}
    async with doors.opened(state, jobs, sources=sources, alerts=alerts) as here:
        bearer = await here.token("asha", "admin", "auditor")
        plans: list[str] = []
        async with here.by_tcp(bearer) as http:
            for ref in refs:
                body = {"action": "queue.retry", "selection": {"refs": [ref]}}
                made = await http.post("/api/v1/plans", json=body)
                plans.append(made.raise_for_status().json()["plan_id"])
        print(json.dumps({"url": here.url, "bearer": bearer, "plans": plans}), flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3]))
