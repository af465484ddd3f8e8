"""Services behind real ports that count what they are asked, and take one key each."""

from __future__ import annotations

import collections
import contextlib
import http.server
import os
import threading
from collections.abc import Hashable
from pathlib import Path
from typing import Any

from mrcore.model import base, ref
from tests.contract import rig

ODD = "gra/p%h?y é"
NAMES = {"graphy": "MR_RIG_GRAPHY", ODD: "MR_RIG_ODD"}


class Upstreams(rig.Rig):
    kind = "upstreams"
    acts = ("check.run",)
    lacks = {
        "frozen": "a service that hangs is its own verdict, of a sample that does not wait",
        "killed": "a service that is gone is its own verdict, of a sample that does not wait",
        "limited": "a credential that is refused is what it looks for",
        "minute": "no connection to a service is kept",
    }

    def __init__(self, place: Path) -> None:
        self._open = contextlib.ExitStack()
        self.asked: collections.Counter[str] = collections.Counter()
        self._changes = 0
        for variable in NAMES.values():
            os.environ[variable] = "first"
            self._open.callback(os.environ.pop, variable, None)
        self._port = self._serve()

    def close(self) -> None:
        self._open.close()

    def table(self) -> dict[str, Any]:
        probes = {
            name: {
                "url": f"http://127.0.0.1:{self._port}/{variable}",
                "headers": {"x-api-key": f"{{{variable}}}"},
            }
            for name, variable in NAMES.items()
        }
        return {"every_s": 3600, "probes": probes}

    def odd(self) -> tuple[base.Ref, ...]:
        return (ref.make("upstreams", "upstream", ODD),)

    def unknown(self) -> tuple[base.Ref, ...]:
        return ("upstreams/upstream/none", "upstreams/secret/none")

    async def deed(self, action: base.ActionId) -> rig.Deed:
        refs = tuple(ref.make("upstreams", "upstream", name) for name in NAMES)
        return rig.Deed(action, refs, moved_on=refs[1])

    async def move_on(self, deed: rig.Deed) -> None:
        await self._changed(deed.moved_on)

    async def state(self, action: base.ActionId, ref: base.Ref) -> Hashable:
        """How often the service was asked."""
        return self.asked[self._variable(ref)]

    async def facts(self, action: base.ActionId, ref: base.Ref) -> Hashable:
        return await self.state(action, ref), os.environ[self._variable(ref)]

    def churn(self, action: base.ActionId) -> rig.Churn:
        return {"another credential": self._changed}

    async def _changed(self, ref: base.Ref) -> None:
        self._changes += 1
        os.environ[self._variable(ref)] = f"key {self._changes}"

    @staticmethod
    def _variable(of: base.Ref) -> str:
        return NAMES[ref.parse(of).id]

    def _serve(self) -> int:
        asked = self.asked

        class Service(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked[self.path.removeprefix("/")] += 1
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Service)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        self._open.callback(thread.join)
        self._open.callback(server.server_close)
        self._open.callback(server.shutdown)
        return server.server_port
