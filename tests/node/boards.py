"""Bull Boards of the tests: real processes over queues of a Redis."""

from __future__ import annotations

import json
import shutil
import signal
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mrcore.stack import services, spawn
from tests import node, restartable, servers

USER = "admin"


class Board:
    """One board, 9 (BullMQ 6) or 5 to 8 (BullMQ 5); skips the test where Node is not to be had."""

    def __init__(
        self,
        folder: Path,
        redis_port: int,
        queues: Sequence[str],
        *,
        db: int = 0,
        version: int = 9,
        read_only: Sequence[str] = (),
        no_retries: Sequence[str] = (),
        attended: Sequence[str] = (),
    ) -> None:
        self.version = version
        self.port = services.free_port()
        self.origin = f"http://127.0.0.1:{self.port}"
        own = {
            "redis": redis_port, "db": db, "port": self.port, "version": version,
            "user": USER, "password": servers.PASSWORD, "queues": list(queues),
            "readOnly": list(read_only), "noRetries": list(no_retries),
            "attended": list(attended),
        }  # fmt: skip
        argv = (
            shutil.which("env") or "env", f"NODE_PATH={node.modules()}", "NODE_ENV=production",
            "node", str(node.script("board.cjs")), json.dumps(own),
        )  # fmt: skip
        self.server = restartable.Server(
            services.Service(argv, signal.SIGTERM, spawn.before_exec()),
            folder / f"board{self.port}.log",
            lambda: urllib.request.urlopen(f"{self.origin}/ready").close(),
            signal.SIGKILL,
        )

    def table(self, **more: Any) -> dict[str, Any]:
        """The settings of a source for it."""
        url = f"{self.origin}/admin/queues"
        login = {"username": USER, "password": servers.PASSWORD}
        return {"kind": "bullboard", "url": url, **login, **more}

    def schedule(self, queue: str, id_: str, every_s: float, **template: Any) -> None:
        """Let the library put a scheduler there, or change it."""
        body = {"queue": queue, "id": id_, "repeat": {"every": every_s * 1000}}
        request = urllib.request.Request(
            f"{self.origin}/schedulers",
            json.dumps({**body, "template": template}).encode(),
            {"content-type": "application/json"},
            method="PUT",
        )
        urllib.request.urlopen(request).close()
