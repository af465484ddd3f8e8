"""What RQ's jobs carry is redacted on the board of the backend as well."""

from __future__ import annotations

import contextlib
from pathlib import Path

import httpx

from mrcore.mentor.board import routes
from tests import waiting
from tests.contract import rq_desk, rq_jobs
from tests.core import harness
from tests.core.mentor import boards, serving

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
        async with harness.running(state, sources=table) as here:
            file = state / "backend-token"
            file.write_text(await boards.token(here.core))
            env = {
                "BULL_BOARD_USERNAME": boards.USER,
                "BULL_BOARD_PASSWORD": boards.PASSWORD,
                "MR_CORE_URL": f"unix:{here.where.runtime / 'core.sock'}",
                "MR_CORE_TOKEN_FILE": str(file),
            }
            login = (boards.USER, boards.PASSWORD)
            async with (
                serving.serving(boards.app(env)) as url,
                httpx.AsyncClient(
                    base_url=f"{url}{routes.API}", auth=login, timeout=waiting.LONG_S
                ) as web,
            ):
                asked = "queues?activeQueue=exports&status=latest&page=1&jobsPerPage=10"

                async def shown() -> list[str]:
                    answer = (await web.get(asked)).json().get("queues", [])
                    return [job["id"] for queue in answer for job in queue["jobs"]]

                ids = await waiting.until(shown, what="the jobs of exports")
                assert waits.id in ids
                assert len(ids) == 3
                for path in (asked, *(f"queues/exports/{one}" for one in ids)):
                    told = (await web.get(path)).raise_for_status().text
                    assert "password:" in told
                    assert [secret for secret in SECRETS if secret in told] == []
