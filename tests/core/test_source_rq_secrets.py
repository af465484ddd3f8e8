"""What RQ's jobs carry is redacted wherever it is shown, and only a reveal shows it."""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import json
import pickle
import zlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from rq.job import Job
from rq.serializers import JSONSerializer

from mrcore import sources
from mrcore.mentor.board import shapes
from mrcore.model import base, plans, queue, ref, wire
from mrcore.sources import base as source_base
from mrcore.sources.rq import keys
from tests import waiting
from tests.contract import rq_desk, rq_jobs

QUEUE = "exports"
OWNER = ref.make("rq", "queue", QUEUE)
PASSWORD, OTP, KEY = "hunter2xyz", "482913", "sk_live_4eC39HqLyjWDarjtT1zdp7dc"
SECRETS = (PASSWORD, OTP, KEY)
NAMED = {"password": PASSWORD, "otp": int(OTP), "stripe_key": KEY, "order": "A17"}


@dataclasses.dataclass
class Account:
    """A class that only the workers know."""

    password: str = PASSWORD
    otp: str = OTP
    key: str = KEY


BARE = (PASSWORD, int(OTP), KEY, PASSWORD.encode(), {"otp": OTP}, [PASSWORD, (int(OTP),)])
VALUES = {"named": NAMED, "bare": list(BARE), "object": Account(), "text": PASSWORD, "code": OTP}


@pytest.fixture
def desk(redis_url: str) -> Iterator[rq_desk.Desk]:
    with contextlib.closing(rq_desk.Desk(redis_url)) as made:
        yield made


@contextlib.asynccontextmanager
async def opened(url: str) -> AsyncIterator[source_base.Source]:
    async with sources.build("rq", {"url": url})[0] as source:
        await source.sample()
        yield source


def shown_in(told: Any) -> list[str]:
    """Which secrets can be read in what is sent."""
    text = told if isinstance(told, str) else told.model_dump_json()
    return [secret for secret in SECRETS if secret in text]


async def everything(source: source_base.Source, of: base.Ref) -> list[Any]:
    """Whatever shows a job without a reveal, also on the board of the backend."""
    detail = await source.detail(of)
    assert isinstance(detail.entity, queue.Job)
    told: list[Any] = [detail, json.dumps(shapes.app_job(detail.entity, detail.sections))]
    for query in (plans.Query(), plans.Query(text="send_otp|refuse")):
        for collection in ("jobs", "found"):
            page = await source.page(OWNER, collection, query, None, 0)
            assert page.rows
            told.append(page)
    told.append(await source.page(OWNER, "groups", plans.Query(), None, 0))
    told.append(await source.page(of, "like", plans.Query(), None, 0))
    for action in ("job.duplicate", "queue.retry"):
        parts = source.plan(action, plans.Selection(refs=(of,)), {}, lambda done, total: None)
        told += [part async for part in parts]
    return told


def data(detail: wire.Detail, name: str) -> Any:
    return next(one.data for one in detail.sections if one.id == name)


@pytest.mark.parametrize("failing", [False, True])
async def test_what_is_pickled_is_redacted_by_name_and_what_has_no_name_is_hidden(
    desk: rq_desk.Desk, redis_url: str, failing: bool
) -> None:
    function = rq_jobs.refuse if failing else rq_jobs.send_otp
    options = {"args": BARE, "kwargs": NAMED, "meta": NAMED | {"more": [PASSWORD.encode()]}}
    job_id = desk.queue(QUEUE).enqueue(function, **options).id
    assert PASSWORD in str(desk.conn.hget(keys.job(job_id), "description"))
    desk.run_all(QUEUE)
    of = ref.make("rq", "job", QUEUE, job_id)
    async with opened(redis_url) as source:
        for told in await everything(source, of):
            assert shown_in(told) == []
        detail = await source.detail(of)
        payload = data(detail, "payload")
        assert payload["function"] == f"tests.contract.rq_jobs.{function.__name__}"
        assert payload["kwargs"]["order"] == payload["meta"]["order"] == "A17"
        assert payload["kwargs"]["password"] == payload["meta"]["password"]
        assert payload["kwargs"]["password"].startswith("password:")
        assert len(payload["args"]) == len(BARE)
        assert shown_in(await source.reveal(of)) == list(SECRETS)


@pytest.mark.parametrize("kind", sorted(VALUES))
async def test_a_result_is_redacted_as_what_a_job_was_called_with(
    desk: rq_desk.Desk, redis_url: str, kind: str
) -> None:
    job_id = desk.send(QUEUE, PASSWORD)
    desk.run_all(QUEUE)
    desk.conn.delete(keys.results(job_id))
    value = base64.b64encode(pickle.dumps(VALUES[kind]))
    desk.conn.xadd(keys.results(job_id), {"type": 1, "return_value": value})
    of = ref.make("rq", "job", QUEUE, job_id)
    async with opened(redis_url) as source:
        for told in await everything(source, of):
            assert shown_in(told) == []
        assert data(await source.detail(of), "result")
        revealed = shown_in(str(data(await source.reveal(of), "result")))
        assert revealed == [one for one in SECRETS if one in str(VALUES[kind])]


async def test_a_sentence_is_shown_as_a_result_with_its_address_redacted(
    desk: rq_desk.Desk, redis_url: str
) -> None:
    job_id = desk.send(QUEUE)
    desk.run_all(QUEUE)
    async with opened(redis_url) as source:
        result = data(await source.detail(ref.make("rq", "job", QUEUE, job_id)), "result")
        assert result.startswith("sent to email:")


async def test_what_is_written_as_json_is_hidden_as_well(
    desk: rq_desk.Desk, redis_url: str
) -> None:
    made = Job.create(
        rq_jobs.send_otp, (PASSWORD, int(OTP), KEY), {"password": PASSWORD, "order": "A17"},
        connection=desk.conn, serializer=JSONSerializer, meta=NAMED,
    )  # fmt: skip
    desk.queue(QUEUE).enqueue_job(made)
    of = ref.make("rq", "job", QUEUE, made.id)
    async with opened(redis_url) as source:
        for told in await everything(source, of):
            assert shown_in(told) == []
        payload = data(await source.detail(of), "payload")
        assert payload["kwargs"]["order"] == payload["meta"]["order"] == "A17"
        assert shown_in(await source.reveal(of)) == list(SECRETS)


@pytest.mark.parametrize(
    ("size", "told"),
    [
        (10, {"class": "tests.core.test_source_rq_secrets.Account"}),
        (100_000, {"why": "The pickle is larger than 65536 bytes."}),
    ],
)
async def test_what_the_reader_does_not_read_is_shown_by_its_size_and_class(
    desk: rq_desk.Desk, redis_url: str, size: int, told: dict[str, str]
) -> None:
    job_id = desk.send(QUEUE)
    held = pickle.dumps(Account(otp="x" * size))
    desk.conn.hset(keys.job(job_id), mapping={"data": zlib.compress(held), "meta": held})
    desk.conn.hset(keys.job(job_id), "description", f"mentor.login('ravi', {PASSWORD!r})")
    of = ref.make("rq", "job", QUEUE, job_id)
    async with opened(redis_url) as source:
        page = await source.page(OWNER, "jobs", plans.Query(), None, 0)
        for shown in (await source.detail(of), page):
            assert shown_in(shown) == []
        payload = data(await source.detail(of), "payload")
        assert payload["function"] == "login"
        assert payload["data"] == payload["meta"] == {"bytes": len(held), **told}
        assert PASSWORD in str(data(await source.reveal(of), "payload")["meta"])


async def test_nobody_finds_out_a_secret_by_searching_for_it(
    desk: rq_desk.Desk, redis_url: str
) -> None:
    desk.queue(QUEUE).enqueue(rq_jobs.send_otp, args=BARE, kwargs=NAMED)
    async with opened(redis_url) as source:
        for text, found in ((PASSWORD, 0), (OTP, 0), (KEY, 0), ("A17", 1), ("rq_jobs.send_otp", 1)):
            page = await source.page(OWNER, "found", plans.Query(text=text), None, 0)
            assert (text, len(page.rows)) == (text, found)


@pytest.mark.parametrize("words", ["{name}({secret!r})", "login ({secret})", "to-do('{secret}')"])
async def test_the_name_of_a_job_is_without_its_arguments(
    desk: rq_desk.Desk, redis_url: str, words: str
) -> None:
    call = words.format(name="mentor.login", secret=PASSWORD)
    job_id = desk.send(QUEUE, description=call)
    async with opened(redis_url) as source:
        detail = await source.detail(ref.make("rq", "job", QUEUE, job_id))
        assert shown_in(detail) == []
        assert isinstance(detail.entity, queue.Job)
        assert detail.entity.name in ("login", "to-do")


async def test_what_an_application_says_of_a_job_is_redacted_wherever_it_is_a_name(
    desk: rq_desk.Desk, redis_url: str
) -> None:
    said = f"mail asha@example.com password={PASSWORD}"
    desk.queue(QUEUE).enqueue("tests.contract.rq_jobs.refuse", description=said)
    desk.run_all(QUEUE)
    async with opened(redis_url) as source:
        groups = await source.page(OWNER, "groups", plans.Query(), None, 0)
        assert groups.rows, "it has failed"

        async def captured() -> tuple[queue.Captured, ...]:
            return (await source.sample()).captured

        (run,) = await waiting.until(captured, what="the run")
        told = f"{groups.model_dump_json()} {run.model_dump_json()}"
    assert "asha@" not in told
    assert PASSWORD not in told
    assert "mail" in run.name
