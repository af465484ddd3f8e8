"""What the OpenAPI says is what the core answers: requests made from it, right and wrong ones."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import hypothesis
import jsonschema_rs
import pytest
import requests
import schemathesis
from hypothesis import strategies
from schemathesis import openapi
from schemathesis.specs.openapi import checks as openapi_checks

from mrcore import catalogue
from tests import servers

ENDLESS = "/api/v1/changes"
ENOUGH = 100
"""So many examples lead every route somewhere; a few may all be refused."""
OPENED_FIRST = "/api/v1/reveal"
"""It answers only what an applied action has opened, which is in the audit: not tried here."""
CHECKS: list[Any] = [
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_headers_conformance,
]
REFS = [
    "jobs/job/emailQueue/1",
    "huey/job/emailQueue/1",
    "jobs/queue/emailQueue",
    "pg/postgres/main",
    "pg/session/1/1",
    "redis/node/main",
    "redis/key/canary",
    "huey/queue/emailQueue",
    "core/core/self",
    "core/operation/1",
    "core/audit/1",
    "core/environment/test",
]
TEXT = strategies.text(strategies.characters(), max_size=8)
"""Any text, also halves of surrogate pairs: their escapes are all right in ASCII."""
VALUES = (
    strategies.none()
    | strategies.booleans()
    | strategies.integers()
    | strategies.floats(allow_nan=False, allow_infinity=False)
    | TEXT
    | strategies.lists(TEXT, max_size=2)
)
ARGS = strategies.dictionaries(
    TEXT | strategies.sampled_from(["minutes", "prefix", "at"]), VALUES, max_size=2
)
COLLECTIONS = ["jobs", "keys", "audit", "operations", "tokens", "lines", "sessions"]


@dataclass(frozen=True)
class Answering:
    """A core in a process of its own, asked over TCP by an admin who has made some plans."""

    url: str
    bearer: str
    plans: list[str]


@pytest.fixture(scope="module")
def answering(
    tmp_path_factory: pytest.TempPathFactory,
    postgres: servers.Postgres,
    valkey: servers.Valkey,
) -> Iterator[Answering]:
    """A core that watches a real Postgres, Redis and huey, and jobs that are simulated."""
    state = tmp_path_factory.mktemp("core") / "state"
    argv = [sys.executable, "-m", "tests.core.openapi_core", str(state)]
    argv += [postgres.dsn("postgres"), valkey.url(0)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        yield Answering(**json.loads(process.stdout.readline()))
        process.communicate()
    assert process.returncode == 0


def test_every_answer_is_one_that_the_openapi_declares(answering: Answering) -> None:
    conforms(answering, examples=3)


@pytest.mark.proof
@pytest.mark.timeout(1_200)
def test_every_answer_is_one_that_the_openapi_declares_at_length(answering: Answering) -> None:
    conforms(answering, examples=500)


def conforms(core: Answering, *, examples: int) -> None:
    """Ask every route of the OpenAPI so many right and so many wrong questions."""
    schema = openapi.from_url(f"{core.url}/openapi.json")
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) > 10
    operations.sort(key=lambda o: not o.path.endswith("/apply"))  # while the plans are valid
    seen: set[tuple[str, int]] = set()
    with requests.Session() as session:
        for operation in operations:
            if operation.path == ENDLESS:
                continue
            for mode in schemathesis.GenerationMode:
                if mode is schemathesis.GenerationMode.NEGATIVE and not _asks(operation):
                    continue  # there is nothing about it that could be wrong
                _try(core, schema.raw_schema, operation, mode, session, examples, seen)
    reached = {label for label, status in seen if status == 200}
    if examples >= ENOUGH:
        assert reached == {o.label for o in operations if o.path not in (ENDLESS, OPENED_FIRST)}


def _asks(operation: Any) -> bool:
    return bool(list(operation.iter_parameters()) or operation.body)


def _try(
    core: Answering,
    schema: dict[str, Any],
    operation: Any,
    mode: schemathesis.GenerationMode,
    session: requests.Session,
    examples: int,
    seen: set[tuple[str, int]],
) -> None:
    headers = {"Authorization": f"Bearer {core.bearer}"}

    @hypothesis.settings(
        max_examples=examples,
        suppress_health_check=list(hypothesis.HealthCheck),
        database=None,
        print_blob=False,
    )
    @hypothesis.given(case=operation.as_strategy(generation_mode=mode), data=strategies.data())
    def ask(case: Any, data: strategies.DataObject) -> None:
        if data.draw(strategies.integers(0, 2)):
            _lead_somewhere(core, case, data)
        response = case.call(base_url=core.url, session=session, headers=headers, timeout=30)
        assert response.status_code != 507, response.text
        case.validate_response(response, checks=CHECKS)
        _check_body(schema, operation, response)
        seen.add((operation.label, response.status_code))

    ask()


def _check_body(schema: dict[str, Any], operation: Any, response: Any) -> None:
    """Validate a body; schemathesis itself (4.32) rewrites `prefixItems` and then refuses that."""
    declared = schema["paths"][operation.path][operation.method]["responses"]
    for kind, content in declared[str(response.status_code)].get("content", {}).items():
        if kind in response.headers["content-type"][0] and "schema" in content:
            whole = {**content["schema"], "components": schema["components"]}
            jsonschema_rs.Draft202012Validator(whole).validate(response.json())


def _lead_somewhere(core: Answering, case: Any, data: strategies.DataObject) -> None:
    """Put something that exists where a made up value would only be not found."""
    known_refs = strategies.sampled_from(REFS)
    known = {
        "ref": REFS,
        "collection": COLLECTIONS,
        "metric": sorted(catalogue.METRICS),
        "plan_id": core.plans,
        "name": ["nightly"],
    }
    for values in (case.query, case.path_parameters):
        for name in set(values or ()) & known.keys():
            values[name] = data.draw(strategies.sampled_from(known[name]))
    if case.query and "wait_s" in case.query:
        case.query["wait_s"] = 0
    if case.query and data.draw(strategies.booleans()):
        for name in ("cursor", "from", "to", "step"):
            case.query.pop(name, None)
    if isinstance(case.body, dict) and "action" in case.body:
        some = strategies.sampled_from(sorted(catalogue.ACTIONS))
        case.body["action"] = "queue.retry" if data.draw(strategies.booleans()) else data.draw(some)
        refs = [REFS[0]] if case.body["action"] == "queue.retry" else [data.draw(known_refs)]
        case.body["selection"] = {"refs": refs}
        if data.draw(strategies.booleans()):
            case.body["args"] = data.draw(ARGS)
