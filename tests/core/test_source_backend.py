"""The source `backend` against a tiny real HTTP server: a simulated backend, said so here."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mrcore import errors, sources
from mrcore.model import backend, base, wire
from mrcore.sources import backend as source_module
from mrcore.sources import base as source_base
from mrcore.sources import honest
from tests import upstream, waiting

HEALTHY: dict[str, Any] = {
    "success": True,
    "status": "OK",
    "message": "Healthy",
    "timestamp": "2026-11-20T10:00:00Z",
    "uptime": 100.0,
    "environment": "production",
    "release": "abc123",
    "database": {"connected": True, "ok": True, "latency_ms": 2.1, "saturation": 0.62},
    "redis": {"connected": True, "ok": True, "latency_ms": 0.4},
    "health": "ok",
    "degraded": [],
    "age_ms": 1800,
}
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def build(urls: dict[str, str], **more: Any) -> source_base.Source:
    patient = {"answer_s": 20.0, **more}  # the machine may be busy; a real one has 1 s
    return sources.build("backend", {"urls": urls, **patient}, now=lambda: NOW)[0]


def checks(sample: wire.Sample) -> dict[str, backend.Check]:
    return {e.name: e for e in sample.entities if isinstance(e, backend.Check)}


async def one(server: upstream.Upstream) -> backend.Check:
    async with build({"blue": server.url}) as source:
        return (await settled(source))["blue"]


async def settled(source: source_base.Source) -> dict[str, backend.Check]:
    """What every colour answers now: a probe waits, a sample does not."""
    return {check.name: check for check in await source.probe()}


async def test_a_healthy_colour() -> None:
    async with upstream.running(200, HEALTHY) as server:
        url = server.url + "/"
        async with build({"blue": url}) as source:
            check = (await settled(source))["blue"]
            assert check == backend.Check(
                ref="backend/check/blue",
                name="blue",
                target=f"{server.url}/api/health",
                status_code=200,
                says="Healthy",
                facts={
                    "environment": "production",
                    "release": "abc123",
                    "health": "ok",
                    "degraded": [],
                    "database": {"connected": True, "ok": True},
                    "redis": {"connected": True, "ok": True},
                },
                up_since=NOW - timedelta(seconds=100),
            )
            sample = await source.sample()
            assert sample.entities == (check,)
            point = sample.points[0]
            assert (point.metric, point.ref) == ("check.latency_ms", check.ref)
            assert point.value > 0
            detail = await source.detail(check.ref)
            assert detail.sections[1].data == HEALTHY


async def test_what_moves_is_not_in_the_entity() -> None:
    async with upstream.running(200, HEALTHY) as server, build({"blue": server.url}) as source:
        first = await source.sample()
        moved = {"latency_ms": 9.9, "connected": True, "ok": True, "saturation": 0.1}
        server.body = {**HEALTHY, "uptime": 101.1, "age_ms": 5, "database": moved}
        second = await source.sample()
        assert second.entities == first.entities
        assert server.connections == 1  # kept alive
        server.body = {**HEALTHY, "uptime": 1.0}
        third = checks(await source.sample())["blue"]
        assert third.up_since == NOW - timedelta(seconds=1)


@pytest.mark.parametrize(
    ("code", "change", "level", "verdict", "words"),
    [
        (200, {"health": "warn", "degraded": ["database.saturation"]}, "warn", "degraded", "satur"),
        (200, {"health": "fail", "degraded": []}, "bad", "unhealthy", "health fail"),
        (200, {"success": False}, "bad", "unhealthy", "without success"),
        (503, {"redis": {"connected": False}}, "bad", "down", "503: redis is down"),
        (
            503,
            {"database": {"connected": True, "ok": False}},
            "bad",
            "down",
            "503: database is connected and does not answer",
        ),
        (503, {"database": False}, "bad", "down", "database is down"),
        (503, {}, "bad", "down", "503: service unavailable"),
        (500, {}, "bad", "error", "answers 500"),
        (404, {}, "bad", "no_health", "no health endpoint"),
    ],
)
async def test_the_code_is_the_signal(
    code: int, change: dict[str, Any], level: str, verdict: str, words: str
) -> None:
    async with upstream.running(code, {**HEALTHY, **change}) as server:
        check = await one(server)
    assert (check.verdict.level, check.verdict.code) == (level, verdict)
    assert words in check.verdict.why
    assert check.status_code == code


@pytest.mark.parametrize("raw", [b"<html>", b"", b"[1]", b"\xff", b"[" * 60_000, b"x" * 10_000_000])
async def test_a_body_that_is_no_health_is_not_ok(raw: bytes) -> None:
    async with upstream.running(200, raw) as server:
        check = await one(server)
    assert (check.verdict.level, check.verdict.code) == ("bad", "unhealthy")


async def test_secrets_in_a_body_are_masked() -> None:
    async with upstream.running(200, {**HEALTHY, "db_password": "hunter2"}) as server:
        url = server.url
        async with build({"blue": url}) as source:
            await settled(source)
            detail = await source.detail("backend/check/blue")
    assert "hunter2" not in detail.model_dump_json()


async def test_a_lone_surrogate_in_a_body_is_replaced() -> None:
    raw = b'{"success": true, "message": "a\\ud800b", "\\udfff": 1, "version": "\\ud83d\\ude00"}'
    async with upstream.running(200, raw) as server, build({"blue": server.url}) as source:
        check = (await settled(source))["blue"]
        sample = await source.sample()
        detail = await source.detail("backend/check/blue")
    assert check.says == "a" + "\N{REPLACEMENT CHARACTER}" * 3 + "b"
    assert check.facts["version"] == "\N{GRINNING FACE}"
    assert honest.check("backend", sample, source.now()) is sample
    assert detail.model_dump_json()


async def test_whatever_goes_wrong_an_old_ok_does_not_stay() -> None:
    async with upstream.running(200, HEALTHY) as server, build({"blue": server.url}) as source:
        assert (await settled(source))["blue"].verdict == base.OK
        deep = (
            b'{"success": true, "version": ' + b"[" * 300 + b"]" * 300 + b"}"
        )  # too deep for a model
        server.body = deep
        check = (await settled(source))["blue"]
        assert (check.verdict.level, check.verdict.code) == ("unknown", "defect")
        assert "ValidationError" in check.verdict.why


async def test_refused_is_bad_and_comes_back() -> None:
    async with upstream.running(200, HEALTHY) as server, build({"blue": server.url}) as source:
        assert checks(await source.sample())["blue"].verdict == base.OK
        await server.stop()

        async def refused() -> bool:
            return checks(await source.sample())["blue"].verdict.code == "refused"

        await waiting.until(refused)
        check = checks(await source.sample())["blue"]
        assert (check.verdict.level, check.status_code) == ("bad", None)
        assert not (await source.sample()).points
        await server.start()
        assert checks(await source.sample())["blue"].verdict == base.OK


async def test_a_colour_that_hangs_is_unknown_and_delays_nobody() -> None:
    async with upstream.running(200, HEALTHY) as blue, upstream.running(200, HEALTHY) as green:
        green.answering.clear()
        async with build({"blue": blue.url, "green": green.url}, answer_s=0.3) as source:
            seen = checks(await source.sample())
            assert seen["green"].verdict.level == "unknown"
            assert seen["green"].verdict.why == "no answer yet"
            seen = await settled(source)
            assert seen["green"].verdict.why == "no answer within 0.3 s"
            assert seen["green"].verdict.level == "unknown"

            async def blue_answers() -> bool:
                return checks(await source.sample())["blue"].verdict == base.OK

            await waiting.until(blue_answers)
            green.answering.set()

            async def well() -> bool:
                return checks(await source.sample())["green"].verdict == base.OK

            await waiting.until(well)


async def test_one_question_at_a_time() -> None:
    async with upstream.running(200, HEALTHY) as green:
        green.answering.clear()
        async with build({"green": green.url}) as source:
            for _ in range(4):
                await source.sample()
            green.answering.set()
            await settled(source)
            assert green.requests == 1


async def test_a_hanging_colour_does_not_hold_a_sample() -> None:
    async with upstream.running(200, HEALTHY) as green:
        green.answering.clear()
        async with build({"green": green.url}, answer_s=30) as source:
            async with asyncio.timeout(5):  # and not 30
                await source.sample()


async def test_a_connection_cut_in_an_answer_is_bad() -> None:
    async with upstream.running(200, HEALTHY) as server:
        server.cut = True
        check = await one(server)
    assert (check.verdict.level, check.verdict.code) == ("bad", "broken")


async def test_a_name_that_leads_nowhere_is_unknown() -> None:
    async with build({"blue": "http://blue.invalid"}) as source:
        (check,) = await source.probe()
    assert (check.verdict.level, check.verdict.code) == ("unknown", "no_route")


async def test_unknown_refs() -> None:
    async with build({"blue": "http://127.0.0.1:9"}) as source:
        with pytest.raises(errors.NotFound):
            await source.detail("backend/check/pink")


def test_no_colours_are_refused() -> None:
    with pytest.raises(errors.SettingsError, match="urls"):
        build({})


def test_odd_uptimes_are_not_believed() -> None:
    check = backend.Check(ref="backend/check/blue", name="blue")
    for uptime in ("long", -1, 1e30, None, [], float("nan")):
        assert source_module.heard(check, 200, {"uptime": uptime}, NOW).up_since is None
