"""No secret that a core was given is in its arguments, its log, its answers or its OpenAPI."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from mrcore import client, errors, settings
from mrcore.cli import log
from tests import servers, waiting
from tests.core import harness, test_serve

SECRETS = {
    name: f"hunter2-{name}-{'x' * 8}"
    for name in ("postgres", "away", "redis", "broken", "stack", "bearer", "body", "leak%21")
}


def assert_discreet(where: str, text: str | bytes, *also: str) -> None:
    """Assert that no secret is in a text."""
    text = text.decode(errors="replace") if isinstance(text, bytes) else text
    for secret in (*SECRETS.values(), SECRETS["leak%21"].replace("%21", "!"), *also):
        assert secret not in text, f"{where}: {text[:4000]}"


def command_lines(pid: int) -> Iterator[str]:
    """The arguments of a process and of all of its children."""
    process = psutil.Process(pid)
    for each in (process, *process.children(recursive=True)):
        yield " ".join(each.cmdline())


async def provoke(http: httpx.AsyncClient, *refs: str) -> None:
    """Ask what goes wrong, and what goes well; no answer may hold a secret."""
    openapi = await http.get("/openapi.json")
    asked = [openapi, *[await http.get(path) for path in ("/livez", "/readyz", "/metrics")]]
    for path in ("sources", "live", "me", "catalogue", "nowhere", "detail"):
        asked.append(await http.get(f"/api/v1/{path}"))
    for ref in refs:
        for params in ({"ref": ref}, {"ref": ref, "collection": "keys"}):
            path = "/api/v1/page" if "collection" in params else "/api/v1/detail"
            asked.append(await http.get(path, params=params))
    hidden = SECRETS["body"]
    for body in (
        {"action": "queue.retry", "selection": {"refs": 5}, "password": hidden},
        {"action": [hidden], "selection": hidden},
        {"action": "queue.retry", "selection": {"refs": [refs[0]], "limit": hidden}},
    ):
        asked.append(await http.post("/api/v1/plans", json=body))
    broken = f'{{"action": "{hidden}'.encode()
    said = {"Content-Type": "application/json"}
    asked.append(await http.post("/api/v1/plans", content=broken, headers=said))
    for wrong in (SECRETS["bearer"], f"mr_1_{SECRETS['bearer']}", f"mr_0_{SECRETS['bearer']}"):
        headers = {"Authorization": f"Bearer {wrong}"}
        asked.append(await http.get("/api/v1/me", headers=headers))
        assert asked[-1].status_code == 401
    for answer in asked:
        assert_discreet(str(answer.request.url), answer.content)
        assert_discreet(str(answer.request.url), str(answer.headers))


async def test_a_core_with_secrets_keeps_them(
    state: Path, postgres: servers.Postgres, valkey: servers.Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = valkey.url(0).replace("redis://", f"redis://:{SECRETS['redis']}@")
    sources: dict[str, Any] = {
        "pg": {"dsn": postgres.dsn("postgres", password=SECRETS["postgres"])},
        "away": {"kind": "pg", "dsn": f"postgresql://u:{SECRETS['away']}@127.0.0.1:1/app"},
        "redis": {"url": wrong},
        "gone": {"kind": "redis", "url": f"redis://:{SECRETS['away']}@127.0.0.1:1/0"},
        "huey": {"url": wrong},
        "broken": {"kind": "pg", "dsn": f"postgresql://u:{SECRETS['broken']}@[bad:x/app"},
        "crooked": {"kind": "redis", "url": f"redis://:{SECRETS['broken']}@host:port/0"},
        "wrong": {"kind": "pg", "dsn": f"mysql://u:{SECRETS['broken']}@host/app"},
        "more": {"kind": "pg", "dsn": "postgresql://h/d", "password": SECRETS["broken"]},
        "logs": {"folder": str(state / "logs")},
    }
    monkeypatch.setenv("MRCORE_STACK__POSTGRES", f"postgresql://a:{SECRETS['stack']}@h/d")
    (state / "logs").mkdir(parents=True)
    path = test_serve.settings_file(state, listen="127.0.0.1:0", sources=sources)
    started = test_serve.detach(state, "--settings", path)
    assert started.returncode == 0, started.stderr
    found = test_serve.facts(state)
    try:
        argv = [sys.executable, "-m", "mrcore", "token", "create", "asha", "--state", str(state)]
        bearer = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()
        own = (state / "token").read_text()
        headers = {"Authorization": f"Bearer {bearer}"}
        async with httpx.AsyncClient(
            base_url=found["control"], headers=headers, timeout=waiting.LONG_S
        ) as http:

            async def tried() -> bool:
                return (await http.get("/readyz")).status_code == 200

            await waiting.until(tried)
            refs = ("pg/postgres/main", "away/postgres/main", "redis/node/main", "gone/node/main")
            await provoke(http, *refs, "broken/postgres/main", "wrong/postgres/main")
        for line in command_lines(found["pid"]):
            assert_discreet("argv", line, bearer, own)
    finally:
        os.kill(found["pid"], signal.SIGTERM)
        await test_serve.gone(found["pid"])
    logged = (state / "logs" / "core.log").read_text()
    assert "was refused" in logged
    for secret in (bearer, bearer.split("_", 2)[2], own, own.split("_", 2)[2]):
        assert_discreet("core.log", logged, secret)
    for name in ("ledger.sqlite", "history.sqlite"):
        for file in state.glob(f"{name}*"):
            assert_discreet(file.name, file.read_bytes(), bearer.split("_", 2)[2])


async def test_a_source_that_repeats_its_address_does_not_give_it_away(state: Path) -> None:
    dsn = f"postgresql://u:{SECRETS['leak%21']}@db/app?password={SECRETS['leak%21']}"
    argv = [sys.executable, "-m", "tests.core.leaking_core", str(state)]
    with (
        state.with_name("core.log").open("wb") as file,
        subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=file
        ) as process,
    ):
        assert process.stdin
        assert process.stdout
        process.stdin.write(f"{dsn}\n".encode())
        process.stdin.flush()
        here = json.loads(process.stdout.readline())
        refs = ("leaking/job/emailQueue/1",)
        headers = {"Authorization": f"Bearer {here['bearer']}"}
        async with httpx.AsyncClient(
            base_url=here["url"], headers=headers, timeout=waiting.LONG_S
        ) as http:
            await provoke(http, *refs)
        async with client.CoreClient.at(url=here["url"], token=here["bearer"]) as asha:
            selection = harness.selection(*refs)
            plan = await asha.plan("queue.retry", selection)
            operation = await asha.apply(plan.plan_id, reason="a test")

            async def ended() -> str:
                detail = await asha.detail(operation.ref)
                over = detail.entity.state in ("done", "failed", "stopped")  # type: ignore[union-attr]
                return detail.model_dump_json() if over else ""

            assert_discreet("operation", await waiting.until(ended))
            targets = await asha.targets(plan.plan_id)
            assert_discreet("targets", targets.model_dump_json())
            page = await asha.page("core/core/self", "audit")
            assert_discreet("audit", page.model_dump_json())
        process.communicate()
    logged = state.with_name("core.log").read_text()
    for said in ("Source leaking broke.", "Traceback", "RuntimeError", "KeyError"):
        assert said in logged
    assert_discreet("core.log", logged, here["bearer"])


def test_settings_that_are_wrong_are_said_without_their_values(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "settings.toml"
    for text in (
        f'stack = "{SECRETS["stack"]}"',
        f'[stack]\npostgres = ["{SECRETS["stack"]}"]',
        f'[stack]\npassword = "{SECRETS["stack"]}"',
        f'listen = ["{SECRETS["stack"]}"]',
        f"listen = {SECRETS['stack']}",
        f'[sources.pg]\ndsn = "{SECRETS["stack"]}',
    ):
        path.write_text(text)
        with pytest.raises(errors.SettingsError) as caught:
            settings.load(path)
        assert_discreet(text, str(caught.value))


def test_secrets_are_found_in_fields_under_names_and_in_urls() -> None:
    own = settings.Settings(
        stack=settings.StackSettings(postgres="postgresql://u:in-a-field@h/d"),  # type: ignore[arg-type]
        sources={
            "pg": {"dsn": "postgresql://u:in%21url@h/d", "label": "not a secret"},
            "x": {"headers": [{"api_key": "under-a-name"}], "password": "tiny"},
        },
    )
    assert settings.secrets_of(own) == {"in-a-field", "in%21url", "in!url", "under-a-name"}


def test_a_line_is_logged_without_secrets_also_in_its_traceback() -> None:
    try:
        raise RuntimeError("it said correct horse")
    except RuntimeError:
        record = logging.LogRecord(
            "x", logging.ERROR, "f", 1, "with %s", ("correct horse",), sys.exc_info()
        )
    text = log.Formatter({"correct horse"}).format(record)
    assert "RuntimeError" in text
    assert "correct horse" not in text
