"""What RQ's jobs carry is redacted on the board of the backend as well."""

from __future__ import annotations

import contextlib
from pathlib import Path

from tests import waiting
from tests.contract import rq_desk, rq_jobs
from tests.core.mentor import boards

SECRETS = ("hunter2xyz", "482913", "sk_live_4eC39HqLyjWDarjtT1zdp7dc")
NAMED = dict(zip(("password", "otp", "stripe_key"), SECRETS, strict=True))


async def test_no_secret_of_a_pickled_job_is_on_the_board(state: Path, redis_url: str) -> None:
    with contextlib.closing(rq_desk.Desk(redis_url)) as desk:
        for function in (rq_jobs.refuse, rq_jobs.send_otp):
            options = {"args": SECRETS, "kwargs": NAMED, "meta": NAMED}
            desk.queue("exports").enqueue(function, **options)
        desk.run_all("exports")
        waits = desk.queue("exports").enqueue(rq_jobs.send_otp, NAMED, *SECRETS)
        table = {"rq": {"kind": "rq", "url": redis_url, "interval_s": 0.1}}
        async with boards.over(state, table) as board:
            asked = "queues?activeQueue=exports&status=latest&page=1&jobsPerPage=10"

            async def shown() -> list[str]:
                answer = (await board.api("GET", asked)).json().get("queues", [])
                return [job["id"] for queue in answer for job in queue["jobs"]]

            ids = await waiting.until(shown, what="the jobs of exports")
            assert waits.id in ids
            assert len(ids) == 3
            for path in (asked, *(f"queues/exports/{one}" for one in ids)):
                told = (await board.api("GET", path)).raise_for_status().text
                assert "password:" in told
                assert [secret for secret in SECRETS if secret in told] == []
