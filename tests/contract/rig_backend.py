"""Two colours of a simulated backend, each a real process behind a real port."""

from __future__ import annotations

import signal
import sys
import urllib.request
from collections.abc import Hashable
from pathlib import Path
from typing import Any

from mrcore.model import base, ref
from mrcore.sources import base as source_base
from mrcore.stack import services, spawn
from tests import restartable
from tests.contract import rig

ODD = "gr/e%e?n é"


class Backend(rig.Rig):
    kind = "backend"
    lacks = {
        "limited": "health is public",
        "guards": "describe() has no actions",
        "minute": "no HTTP connection is kept over a question without an answer",
    }
    frozen_answer = "unknown"

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._ports = {"blue": services.free_port(), ODD: services.free_port()}
        self._servers = [
            restartable.Server(
                services.Service(
                    (sys.executable, "-m", "tests.contract.simulated_backend", str(port)),
                    signal.SIGTERM,
                    spawn.before_exec(),
                ),
                folder / f"{port}.log",
                lambda port=port: urllib.request.urlopen(f"http://127.0.0.1:{port}/").close(),
                signal.SIGKILL,
            )
            for port in self._ports.values()
        ]
        for server in self._servers:
            server.start()

    def close(self) -> None:
        for server in self._servers:
            server.close()

    def table(self) -> dict[str, Any]:
        return {"urls": {name: f"http://127.0.0.1:{port}" for name, port in self._ports.items()}}

    def pid(self, source: source_base.Source) -> int:
        return self._servers[0].pid

    async def identities(self, source: source_base.Source) -> Hashable:
        """An HTTP question that got no answer has no connection left to keep: the port only."""
        return self._ports["blue"]

    def kill(self, source: source_base.Source) -> None:
        self._servers[0].kill()

    def spawn(self) -> None:
        self._servers[0].spawn()

    def settle(self) -> None:
        self._servers[0].wait()

    def odd(self) -> tuple[base.Ref, ...]:
        return (ref.make("backend", "check", ODD),)

    def unknown(self) -> tuple[base.Ref, ...]:
        return ("backend/check/pink", "backend/check", "backend/colour/blue")
