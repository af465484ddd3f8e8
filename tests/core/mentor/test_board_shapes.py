"""The board answers as a real one of 9.10.2 has answered: every recording, asked of ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from mrcore.mentor.board import routes
from tests.core.mentor import boards, structure

ROUTES, RECORDED = boards.recorded()
QUEUE = "emailQueue"
OTHER = {
    "20-add": (403, "FORBIDDEN"),
    "21-update-data": (400, "JOB_EDIT_NOT_SUPPORTED"),
    "23-priority": (409, "INTERNAL_SERVER_ERROR"),
    "28d-clean-scheduler-run": (204, ""),
    "32-concurrency": (403, "FORBIDDEN"),
    "33-rate-limit-set": (400, "RATE_LIMIT_NOT_SUPPORTED"),
    "33b-rate-limit-remove": (400, "RATE_LIMIT_NOT_SUPPORTED"),
    "33c-rate-limit-release": (400, "RATE_LIMIT_NOT_SUPPORTED"),
    "34-scheduler-update": (405, "JOB_SCHEDULER_EDIT_NOT_SUPPORTED"),
    "37-remove-unprocessed-children": (400, "JOB_UNPROCESSED_CHILDREN_NOT_SUPPORTED"),
    "39-empty": (403, "FORBIDDEN"),
    "40c-obliterate-force": (403, "FORBIDDEN"),
}
"""What huey has not, or mrtui asks for by name: with which status and key of Bull Board's."""

ELSEWHERE = {
    "00-unauthorised": "test_board_login",
    "07-metrics": "test_board_names: a rate is known after 10 s",
    "28c-tmp-sched-delayed": "the next one needs no look before",
    "43-entry-page.html": "the page is our own",
}


def like(of: boards.Recorded) -> list[Any]:
    """The recorded answers to the same kind of question, with the same outcome."""
    shape = _shape(of.path)
    return [
        one.answer
        for one in RECORDED.values()
        if (one.method, one.status, _shape(one.path)) == (of.method, of.status, shape)
    ]


def _shape(path: str) -> object:
    found = routes.find("GET", path.partition("?")[0]) or path
    return found if isinstance(found, str) else found[0]


def asked(of: boards.Recorded, jobs: dict[str, list[str]]) -> str:
    """The recorded question, for our queues and jobs."""
    path, _, query = of.path.partition("?")
    parts = path.split("/")
    ids = {
        "3": jobs["failed"][0], "custom-id-1": jobs["failed"][-1], "5": jobs["active"][0],
        "2": jobs["completed"][0], "9": jobs["delayed"][0], "6": jobs["waiting"][0],
    }  # fmt: skip
    scheduler = len(parts) > 2 and parts[2] == "job-schedulers"
    if len(parts) > 1 and parts[0] == "queues" and parts[1] not in ("nope", "pause", "resume"):
        parts[1] = boards.PLAIN if parts[1] == "readonly" else QUEUE
        if len(parts) > 2 and not scheduler:
            flow = parts[2].startswith(("flow-", "repeat"))
            parts[2] = jobs["waiting"][-1] if flow else ids.get(parts[2], parts[2])
        if scheduler and parts[3] != "nope":
            parts[3] = "daily"
    sent = httpx.QueryParams(query)
    for name in ("activeQueue", "queueName"):
        sent = sent.set(name, QUEUE) if name in sent else sent
    return "/".join(parts) + (f"?{sent}" if query else "")


def test_the_routes_are_those_of_the_recorded_board_in_its_order() -> None:
    assert [(r.method, "/".join(r.parts)) for r in routes.ROUTES] == ROUTES


def test_the_first_route_that_fits_is_it_and_parts_are_decoded_once() -> None:
    odd = quote("a/b%41 é", safe="")
    found = routes.find("PUT", f"queues/{odd}/7/retry")
    assert found is not None
    assert found[1] == ("a/b%41 é", "7")
    assert routes.find("GET", "queues/pause/metrics") != routes.find("GET", "queues/pause/1")
    assert routes.find("PUT", "queues/pause") == (routes.writes.pause_all, ())
    assert routes.find("DELETE", "queues") is None


async def test_every_recording_has_its_like(state: Path, redis_url: str) -> None:
    wrong: list[str] = []
    async with boards.running(state, redis_url) as board:
        for of in RECORDED.values():
            if of.name in ELSEWHERE:
                continue
            jobs = board.queues.by_state()
            path = asked(of, jobs)
            answer = await board.api(of.method, path, of.sent)
            wrong += [f"{of.name} {path}: {one}" for one in _wrong(of, answer)]
        stats = (await board.api("GET", "redis/stats")).json()
    assert f":{stats['port']}/" in redis_url
    assert stats["memory"]["total"] > stats["memory"]["used"] > 0
    assert not wrong, "\n".join(wrong)


def _wrong(of: boards.Recorded, answer: httpx.Response) -> list[str]:
    html = answer.headers.get("content-type", "").startswith("text/html")
    body = answer.json() if answer.content and not html else answer.text or None
    if of.name in OTHER:
        status, key = OTHER[of.name]
        named = {"key": f"ERRORS.{key}"}
        right = answer.status_code == status and (not key or body["error"] == named)
        return [] if right else [f"{answer.status_code} {body}"]
    if of.path.startswith("metrics/"):  # optional with Bull Board
        return [] if answer.status_code == 404 and html else [f"{answer.status_code}"]
    if answer.status_code != of.status:
        return [f"{answer.status_code}, not {of.status}: {body}"]
    if html:
        return []
    if of.status >= 400:
        same = isinstance(body, dict) and body["error"]["key"] == of.answer["error"]["key"]
        return [] if same else [f"{body}, not {of.answer}"]
    return list(structure.Structure(like(of)).differences(body))
