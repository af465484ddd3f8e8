"""The source `meetings`: rooms by their log, and what a real backend and relay say to a browser."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from mrcore import sources
from mrcore.mentor import attending, config, console, turn
from mrcore.model import meeting
from mrcore.sources.meetings import relay, signals, tail
from tests import waiting
from tests.core.mentor.conftest import NOW

T0 = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)


def text(event: str, room: str = "r1", peer: str = "p1", at_s: int = 0, **more: str) -> str:
    at = (T0 + timedelta(seconds=at_s)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    words = "".join(f" {k}={v}" for k, v in more.items())
    return f"{at} INFO [socket] Socket event: {event} room={room} peer={peer}{words}"


def structured(event: str, room: str = "r1", peer: str = "p1", at_s: int = 0) -> str:
    at = (T0 + timedelta(seconds=at_s)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    return json.dumps({"time": at, "level": "info", "event": event, "room": room, "peer": peer})


BOTH = [("join-room", "p1"), ("join-room", "p2")]
PAIR = [*BOTH, ("offer", "p1"), ("answer", "p2")]


@pytest.mark.parametrize("line", [text, structured])
@pytest.mark.parametrize(
    ("events", "state"),
    [
        (BOTH[:1], "no_join"),
        ([BOTH[0], BOTH[0]], "no_join"),
        (BOTH, "no_answer"),
        ([*BOTH, ("offer", "p1")], "no_answer"),
        ([*BOTH, ("answer", "p1")], "no_answer"),
        (PAIR, "no_ice"),
        ([*PAIR, ("ice-candidate", "p1")], "signalling_ok"),
        ([*PAIR, ("ice-candidate", "p1"), ("join-room", "p2")], "no_answer"),
        ([*PAIR, ("takeover-connection", "p2")], "no_answer"),
        ([*PAIR, ("leave-room", "p2")], "no_join"),
        ([*PAIR, ("disconnect", "p2"), ("leave-room", "p1")], None),
        ([*PAIR, ("sockets-ready", "")], None),
    ],
)
def test_a_room_is_as_far_as_its_log(
    line: Callable[..., str], events: list[tuple[str, str]], state: str | None
) -> None:
    told = signals.Signals()
    told.take([line(e, peer=p, at_s=n) for n, (e, p) in enumerate(events)], T0)
    assert {name: room.state for name, room in told.rooms.items()} == (
        {"r1": state} if state else {}
    )
    if state:
        assert told.rooms["r1"].state_since is not None


def test_lines_of_json_count_once_beside_their_text_and_other_lines_not_at_all() -> None:
    told = signals.Signals()
    noise = [
        "",
        "{",
        "[]",
        '{"event": 7}',
        '{"event": "offer"}',
        "no offer for room 7",
        "join-room",
    ]
    both = [made(e, peer=p) for e, p in PAIR for made in (structured, text)]
    told.take([*noise, *both, "answer room=r1", text("offer", "", "")], T0)
    assert (told.rooms["r1"].offers, told.rooms["r1"].answers) == (1, 1)
    assert list(told.rooms) == ["r1"]


def test_what_is_long_over_is_forgotten_and_the_rest_bounded() -> None:
    told = signals.Signals()
    told.take([text("join-room", f"r{n}") for n in range(signals.ROOMS_MAX + 5)], T0)
    told.take([text("origin-refused", origin="http://x")], T0)
    assert len(told.rooms) == signals.ROOMS_MAX
    assert told.refused[0][1] == "http://x"
    told.take([], T0 + timedelta(hours=3))
    assert (len(told.rooms), len(told.refused)) == (0, 0)


def test_a_log_is_read_on_through_rotation_and_truncation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(b"one\ntw")
    it = tail.Tail(path)
    assert it.read() == ["one"]
    with path.open("ab") as file:
        file.write(b"o\n\xff\n")
    assert it.read() == ["two", "\ufffd"]
    path.write_bytes(b"new\n")
    assert it.read() == ["new"]
    path.rename(tmp_path / "a.log.1")
    with pytest.raises(FileNotFoundError):
        it.read()
    path.write_bytes(b"other\n")
    assert it.read() == ["other"]
    monkeypatch.setattr(tail, "MOST_BYTES", 8)
    with path.open("ab") as file:
        file.write(b"skipped\n1\n2\n3\n")
    assert it.read() == ["1", "2", "3"]


def table(tmp_path: Path, **more: Any) -> dict[str, Any]:
    return {"logs": {"blue": str(tmp_path / "blue.log")}, "probe_s": 0.001, **more}


def rows(sample: Any, kind: str) -> list[Any]:
    return [each for each in sample.entities if each.kind == kind]


async def test_a_room_without_an_answer_is_bad_after_half_a_minute(tmp_path: Path) -> None:
    path, clock = tmp_path / "blue.log", T0
    source = sources.build("meetings", table(tmp_path), now=lambda: clock)[0]
    async with source:
        assert rows(await source.sample(), "signalling")[0].verdict.code == "no_log"
        path.write_text("\n".join([text("join-room"), text("join-room", peer="p2"), ""]))
        room = rows(await source.sample(), "meeting")[0]
        assert (room.ref, room.verdict.level) == ("meetings/meeting/blue/r1", "ok")
        clock = T0 + timedelta(seconds=30)
        sample = await source.sample()
        room = rows(sample, "meeting")[0]
        assert (room.verdict.level, room.verdict.code, room.peers) == ("bad", "no_answer", 2)
        points = {point.metric: point.value for point in sample.points}
        assert points == {"meeting.rooms": 1, "meeting.stuck": 1, "meeting.peers": 2}
        assert (await source.detail(room.ref)).entity == room


async def test_a_real_meeting_a_handshake_and_a_relay(
    url: str,
    env: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(relay, "AGAIN_S", (0.01, 0.01))
    password = SecretStr("of turn")
    server = await turn.listen(turn.Account("turn:127.0.0.1", "me", password), port=0)
    at = f"turn:127.0.0.1:{server.port}"
    more = {
        "url": url,
        "origins": ["http://localhost:3000", "https://elsewhere.example"],
        "turn": {"turn": {"url": at, "user": "me", "password": "of turn"}},
    }
    source = sources.build("meetings", table(tmp_path, **more))[0]
    people = attending.Attendees(url, 7, config.Config.read(env), lambda: NOW, 1)
    with Written(tmp_path / "blue.log"):
        async with source, httpx.AsyncClient(base_url=url) as client:

            async def answered() -> Any:
                found = await source.sample()
                asked = [*rows(found, "turn"), *rows(found, "origin")]
                return found if all(each.ok is not None for each in asked) else None

            sample = await waiting.until(answered)
            assert rows(sample, "turn")[0].ok
            good, blocked = sorted(rows(sample, "origin"), key=lambda each: each.name)
            assert (good.ok, good.status_code) == (True, 200)
            assert (blocked.ok, blocked.verdict.code) == (False, "origin_blocked")
            mentors, students = await people._people()
            await people.hold("r1", [mentors[0], students[0]], 0.0)
            await people.hold("r2", [mentors[0], students[0]], 0.0)
            assert (await client.get("/api/health")).json()["meetings"] == {"rooms": 0, "peers": 0}
            assert rows(await source.sample(), "signalling")[0].refused
            server.down = True

            async def down() -> bool:
                found = rows(await source.sample(), "turn")[0]
                return bool(found.ok is False and found.verdict.code == "turn_bad")

            await waiting.until(down)
    server.close()
    told = signals.Signals()
    seen: list[str] = []
    for line in (tmp_path / "blue.log").read_text().splitlines():
        told.take([line], NOW)
        seen += [room.state for name, room in told.rooms.items() if name == "r1"]
    assert list(dict.fromkeys(seen)) == ["no_join", "no_answer", "no_ice", "signalling_ok"]


class Written(logging.Handler):
    """What the backend logs meanwhile, in a file as its process would write it."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._file = path.open("a")
        self.setFormatter(console.formatter())

    def emit(self, record: logging.LogRecord) -> None:
        self._file.write(f"{self.format(record)}\n")
        self._file.flush()

    def __enter__(self) -> None:
        log = logging.getLogger("socket")
        log.setLevel(logging.INFO)
        log.addHandler(self)

    def __exit__(self, *exc: object) -> None:
        logging.getLogger("socket").removeHandler(self)
        self._file.close()


def test_what_has_no_time_of_its_own_is_of_now() -> None:
    told = signals.Signals()
    told.take(["join-room room: r9 user: p1"], T0)
    assert told.rooms["r9"].opened_at == T0
    assert isinstance(meeting.Meeting(ref="m/meeting/b/r", name="r"), meeting.Meeting)
