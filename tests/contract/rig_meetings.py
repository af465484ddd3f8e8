"""Real logs of two backends, one with an odd name, and a relay that is a process of its own."""

from __future__ import annotations

import signal
import socket
import sys
from collections.abc import Hashable
from pathlib import Path
from typing import Any

from mrcore.model import base, ref
from mrcore.sources import base as source_base
from mrcore.stack import services, spawn
from tests import restartable
from tests.contract import rig

ODD = "gr/e%e?n é"
ROOM = "r/o%o?m"
_BINDING = bytes.fromhex("000100002112a442") + bytes(12)


class Meetings(rig.Rig):
    kind = "meetings"
    lacks = {
        "limited": "a log that may not be read is one that is not there: its own tests have it",
        "guards": "describe() has no actions",
        "frozen": "over UDP silence is all there is: a browser gets no relay, which is bad",
        "minute": "no UDP socket is kept over a question without an answer",
    }

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._logs = {"blue": folder / "blue.log", ODD: folder / "odd.log"}
        for path in self._logs.values():
            path.write_text(f"Socket event: join-room room={ROOM} peer=p1\n")
        self._port = services.free_port()
        self._server = restartable.Server(
            services.Service(
                (sys.executable, "-m", "tests.contract.simulated_turn", str(self._port)),
                signal.SIGTERM,
                spawn.before_exec(),
            ),
            folder / "turn.log",
            self._ask,
            signal.SIGKILL,
        )
        self._server.start()

    def _ask(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
            line.settimeout(0.5)
            line.connect(("127.0.0.1", self._port))
            line.send(_BINDING)
            line.recv(1500)

    def close(self) -> None:
        self._server.close()

    def table(self) -> dict[str, Any]:
        return {
            "logs": {name: str(path) for name, path in self._logs.items()},
            "turn": {"stun": {"url": f"stun:127.0.0.1:{self._port}"}},
            "probe_s": 0.05,
        }

    def pid(self, source: source_base.Source) -> int:
        return self._server.pid

    async def identities(self, source: source_base.Source) -> Hashable:
        """A question over UDP leaves nothing open: the port only."""
        return self._port

    def kill(self, source: source_base.Source) -> None:
        self._server.kill()

    def spawn(self) -> None:
        self._server.spawn()

    def settle(self) -> None:
        self._server.wait()

    def odd(self) -> tuple[base.Ref, ...]:
        return (
            ref.make("meetings", "signalling", ODD),
            ref.make("meetings", "meeting", ODD, ROOM),
        )

    def unknown(self) -> tuple[base.Ref, ...]:
        return ("meetings/meeting/blue/none", "meetings/turn/none", "meetings/signalling/pink")
