"""Real processes under a pinned script, a real switch, and recorded tools beside them."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import json
import os
import shutil
import signal
import threading
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import psutil

from mrcore.model import base, ref
from mrcore.stack import switching
from tests import standins, waiting
from tests.contract import rig

ODD = "wor/k%e?r é"
SCRIPTED = {"api": "api.pid", ODD: "odd.pid"}
RECORDED = {
    "systemctl": {"adapter": "systemd", "unit": "mr-worker.service"},
    "docker": {"adapter": "docker", "unit": "api-blue"},
    "pm2": {"adapter": "pm2", "unit": "api"},
    "kubectl": {"adapter": "kubectl", "unit": "api", "namespace": "prod"},
}


class Deploy(rig.Rig):
    kind = "deploy"
    acts = ("process.restart", "deploy.switch")
    lacks = {
        "frozen": "it asks tools anew each time: there is no server to stop",
        "killed": "it asks tools anew each time: there is no server to kill",
        "limited": "a right is missing only when it acts; the tests of the adapters have each",
    }

    def __init__(self, place: Path) -> None:
        self._open = contextlib.ExitStack()
        self._place = place
        self._bin = place / "bin"
        standins.lay(self._bin)
        (place / ".pm2").mkdir()
        (place / ".pm2" / "rpc.sock").touch()
        path = os.environ["PATH"]
        os.environ["PATH"] = f"{self._bin}:{path}"
        self._open.callback(os.environ.__setitem__, "PATH", path)
        self._script = place / "restart.sh"
        shutil.copyfile(Path(standins.__file__).with_name("restart.sh"), self._script)
        self._switch = place / "switch.sh"
        shutil.copyfile(switching.SCRIPT, self._switch)
        self._content = self._switch.read_bytes()
        self._current = place / ".current_env"
        self._healthy = {"blue": True, "green": True}
        self._ports = {colour: self._serve(colour) for colour in self._healthy}
        self._open.callback(self._end)

    def close(self) -> None:
        self._open.close()

    def table(self) -> dict[str, Any]:
        units: dict[str, Any] = {
            name: {
                "adapter": "script",
                "argv": [str(self._script), str(self._place / file)],
                "sha256": hashlib.sha256(self._script.read_bytes()).hexdigest(),
                "pid_file": str(self._place / file),
            }
            for name, file in SCRIPTED.items()
        }
        units |= RECORDED
        units["pm2"] = {**units["pm2"], "home": str(self._place / ".pm2")}
        urls = {colour: f"http://127.0.0.1:{port}/" for colour, port in self._ports.items()}
        return {
            "current": str(self._current),
            "units": units,
            "colours": {colour: {"health": url} for colour, url in urls.items()},
            "switch": {
                "adapter": "script",
                "argv": [str(self._switch), "{colour}", str(self._current)],
                "sha256": hashlib.sha256(self._content).hexdigest(),
            },
        }

    def odd(self) -> tuple[base.Ref, ...]:
        return (ref.make("deploy", "process", ODD),)

    def unknown(self) -> tuple[base.Ref, ...]:
        return ("deploy/process/none", "deploy/colour/pink", "deploy/other/api")

    def settle(self) -> None:
        """Everything runs and is as it was at first."""
        for file in SCRIPTED.values():
            if not self._alive(self._place / file):
                self._restart(self._place / file)
        for tool in RECORDED:
            standins.know(self._bin, tool, state="up")
        self._current.write_text("blue\n")
        self._switch.write_bytes(self._content)
        self._healthy.update(blue=True, green=True)

    def open(self, table: dict[str, Any] | None = None) -> Any:
        self.settle()
        return super().open(table)

    async def deed(self, action: base.ActionId) -> rig.Deed:
        self.settle()
        if action == "deploy.switch":
            green = ref.make("deploy", "colour", "green")
            return rig.Deed(action, (green,), moved_on=green)
        names = (*SCRIPTED, "systemctl")
        refs = tuple(ref.make("deploy", "process", name) for name in names)
        return rig.Deed(action, refs, moved_on=refs[1])

    async def move_on(self, deed: rig.Deed) -> None:
        if deed.action == "deploy.switch":
            self._current.write_text("green\n")
        else:
            await self._restarted(deed.moved_on)

    async def state(self, action: base.ActionId, ref: base.Ref) -> Hashable:
        """What `.current_env` and the script hold; or which process it is, and whether it lives."""
        if action == "deploy.switch":
            return self._current.read_text(), self._switch.read_bytes()
        return self._process(ref)

    async def facts(self, action: base.ActionId, ref: base.Ref) -> Hashable:
        if action == "deploy.switch":
            return await self.state(action, ref), tuple(self._healthy.items())
        return self._process(ref)

    def churn(self, action: base.ActionId) -> rig.Churn:
        if action == "deploy.switch":
            return {
                "switched": self._switched,
                "script changed": self._changed,
                "script put back": self._put_back,
                "ill": self._ill,
            }
        return {"restarted": self._restarted, "died": self._died}

    async def _switched(self, ref: base.Ref) -> None:
        other = {"blue\n": "green\n", "green\n": "blue\n"}
        self._current.write_text(other[self._current.read_text()])

    async def _changed(self, ref: base.Ref) -> None:
        self._switch.write_bytes(self._switch.read_bytes() + b"# changed\n")

    async def _put_back(self, ref: base.Ref) -> None:
        self._switch.write_bytes(self._content)

    async def _ill(self, ref: base.Ref) -> None:
        self._healthy["green"] = False

    async def _restarted(self, of: base.Ref) -> None:
        name = ref.parse(of).id
        if name in SCRIPTED:
            self._restart(self._place / SCRIPTED[name])
        else:
            standins.again(self._bin, name)

    async def _died(self, of: base.Ref) -> None:
        name = ref.parse(of).id
        if name in RECORDED:
            standins.know(self._bin, name, state="down")
            return
        file = self._place / SCRIPTED[name]
        self._kill(file)
        await waiting.until(lambda: not self._alive(file), what="its end")

    def _process(self, of: base.Ref) -> Hashable:
        name = ref.parse(of).id
        if name in RECORDED:
            return json.dumps(standins.know(self._bin, name))
        file = self._place / SCRIPTED[name]
        return file.read_text(), self._alive(file)

    def _restart(self, file: Path) -> None:
        assert os.spawnl(os.P_WAIT, "/bin/sh", "sh", str(self._script), str(file)) == 0

    @staticmethod
    def _alive(file: Path) -> bool:
        try:
            return psutil.Process(int(file.read_text())).status() != psutil.STATUS_ZOMBIE
        except (OSError, psutil.NoSuchProcess):
            return False

    @staticmethod
    def _kill(file: Path) -> None:
        with contextlib.suppress(OSError):
            os.kill(int(file.read_text()), signal.SIGKILL)

    def _end(self) -> None:
        for file in SCRIPTED.values():
            self._kill(self._place / file)

    def _serve(self, colour: str) -> int:
        """`/api/health` of one colour, as healthy as the rig wants it; its port."""
        healthy = self._healthy

        class Health(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                good = healthy[colour]
                raw = json.dumps({"success": good, "release": f"{colour}-1"}).encode()
                self.send_response(200 if good else 503)
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Health)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        self._open.callback(thread.join)
        self._open.callback(server.server_close)
        self._open.callback(server.shutdown)
        return server.server_port
