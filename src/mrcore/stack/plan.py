"""What a stack is made of: one Spec a process, and what each is told."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mrcore import folder
from mrcore.settings import Settings
from mrcore.sources import base
from mrcore.stack import (
    addresses,
    backend_token,
    core_settings,
    credentials,
    mentor_names,
    probes,
    seeded,
    services,
    supervisor,
    switching,
)

_POSTGRES = {
    "max_connections": "100",
    "superuser_reserved_connections": "3",
    "reserved_connections": "3",  # the watcher still connects when all others are taken
    "shared_buffers": "64MB",
    "max_wal_size": "256MB",
    # A stack's data is made anew by its seed: it survives the end of any process, and need not
    # survive that of the machine.
    "fsync": "off",
    "jit": "off",
    "track_io_timing": "on",
    "log_lock_waits": "on",
    "log_min_duration_statement": "500",
    "log_line_prefix": "%m [%p] %q%u@%d %a ",
    "log_timezone": "UTC",
    "timezone": "UTC",
    "cluster_name": "mrcore",
}


@dataclass(frozen=True)
class Plan:
    """Everything that is known before the first process starts; `seed` None: no data asked."""

    state: folder.StateFolder
    settings: Settings
    words: credentials.Credentials
    places: addresses.Addresses
    seed: int | None
    scale: str

    def core_settings(self, now: base.Now = base.utc_now) -> dict[str, Any]:
        """Settings of the stack's core, with secrets as values."""
        return core_settings.of(self.settings, self.state, self.words, self.places, now())

    def specs(self) -> list[supervisor.Spec]:
        """The processes, in the order in which they are shown."""
        told = ("--state", str(self.state.path), "--settings", str(self.state / "settings.json"))
        core = supervisor.Spec(
            "serve", _mrcore("serve", *told), self.env(), tier=supervisor.Tier.CORE
        )
        servers = [*self._postgres(), *self._valkey()]
        needs = tuple(spec.name for spec in servers)
        once = self._seed(needs)
        needs = (*needs, *(spec.name for spec in once))
        rest = [
            self._mentor("upstreams", "upstreams", after=needs, env=self._upstreams()),
            self._mentor("worker", "worker", after=needs, secret=True),
            self._mentor("rqworker", "rqworker", after=needs),
            *(
                self._mentor(
                    f"backend-{colour}",
                    *("backend", "--colour", colour, "--port", str(port)),
                    after=needs,
                    env={**self.backend_names(), **switching.release_names(self.state, colour)},
                    secret=True,
                )
                for colour, port in self.places.backend_ports.items()
            ),
        ]
        return [core, *servers, *once, *rest, self._switch()]

    def _switch(self) -> supervisor.Spec:
        words = ["--port", str(self.places.switch_port)]
        words += ["--current", str(switching.current(self.state))]
        for colour, port in self.places.backend_ports.items():
            words += [f"--{colour}", str(port)]
        return supervisor.Spec("switch", _mrcore("switch", *words), self.env())

    def _mentor(
        self,
        name: str,
        *words: str,
        after: tuple[str, ...],
        env: Mapping[str, str] | None = None,
        secret: bool = False,
    ) -> supervisor.Spec:
        """A process of Mr. Mentor; with `secret` it reads its accounts from the manager itself."""
        told = {**self.mentor_env(), **(env or {})}
        if secret:
            told = {k: v for k, v in told.items() if k not in mentor_names.SECRET}
        return supervisor.Spec(name, _mrcore(*words), told, after=after)

    def _postgres(self) -> list[supervisor.Spec]:
        if not self.places.postgres.own:
            return []
        data, port = self.state / "postgres", self.places.postgres.port
        specs = []
        if not data.exists():
            made = services.initdb(data, password=self.words.postgres)
            specs.append(
                supervisor.Spec(
                    "initdb",
                    made.argv,
                    self.env(),
                    tier=supervisor.Tier.SERVER,
                    once=True,
                    done=functools.partial(services.keep_cluster, data),
                    before_exec=made.before_exec,
                )
            )
        server = services.postgres(data, None, port, options=_POSTGRES)
        specs.append(
            supervisor.Spec(
                "postgres",
                server.argv,
                self.env(),
                tier=supervisor.Tier.SERVER,
                after=tuple(spec.name for spec in specs),
                answers=functools.partial(probes.postgres, port, services.SUPERUSER),
                stop=server.stop,
                before_exec=server.before_exec,
            )
        )
        return specs

    def _valkey(self) -> list[supervisor.Spec]:
        if not self.places.redis.own:
            return []
        data, port = self.state / "valkey", self.places.redis.port
        data.mkdir(mode=0o700, exist_ok=True)
        self.state.write_text("valkey.conf", f"requirepass {self.words.redis}\n")
        server = services.valkey(port, data, config=self.state / "valkey.conf", durable=True)
        spec = supervisor.Spec(
            "valkey",
            server.argv,
            self.env(),
            tier=supervisor.Tier.SERVER,
            answers=functools.partial(probes.valkey, port),
            stop=server.stop,
            before_exec=server.before_exec,
        )
        return [spec]

    def _seed(self, after: tuple[str, ...]) -> list[supervisor.Spec]:
        stamp = seeded.stamp(self.places.postgres, self.seed, self.scale)
        if "initdb" not in after and seeded.covers(self.state, stamp):
            return []
        words = ["seed", "--scale", self.scale]
        words += [] if self.seed is None else ["--seed", str(self.seed)]
        spec = supervisor.Spec(
            "seed",
            _mrcore(*words),
            {**self.mentor_env(), **self.seed_names()},
            tier=supervisor.Tier.ONCE,
            after=after,
            once=True,
            done=functools.partial(seeded.keep, self.state, stamp),
            patience_s=900.0,
        )
        return [spec]

    def _upstreams(self) -> dict[str, str]:
        seed = self.seed if self.seed is not None else seeded.seed(self.state)
        return {
            "MR_SMTP_PORT": str(self.places.smtp_port),
            "MR_UPSTREAMS_PORT": str(self.places.upstreams_port),
            "MR_BACKENDS": self.places.switch,
            "MR_SCALE": self.scale,
            "MR_SEED": "" if seed is None else str(seed),
        }

    def env(self) -> dict[str, str]:
        """What every child is told.

        Settings of the core are in settings.json already, so `MRCORE_*` stays here: it would win
        over that file.
        """
        mine = {k: v for k, v in os.environ.items() if not k.startswith("MRCORE_")}
        own = {"PYTHONUNBUFFERED": "1", "PYTHONSAFEPATH": "1", "MR_STATE": str(self.state.path)}
        # A worker that ends is started again: so its restart can be offered.
        return {**mine, **own, "MR_SUPERVISED": "1"}

    def mentor_env(self) -> dict[str, str]:
        """The environment of Mr. Mentor's processes."""
        times = {"MR_TIME_SCALE": f"{self.settings.time_scale:g}"}
        times["MR_CLOCK_FILE"] = str(self.state / mentor_names.CLOCK)
        return {**self.env(), **self.mentor_names(), **times}

    def seed_names(self) -> dict[str, str]:
        """What `mrcore seed` is told besides."""
        return {
            "MR_ADMIN_DSN": self.places.postgres.url,
            "MR_WATCHER_PASSWORD": self.words.watcher,
        }

    def backend_names(self) -> dict[str, str]:
        """What a backend is told besides: where the core is, and the file of its own token."""
        return {
            "MR_CORE_URL": f"unix:{core_settings.socket(self.settings, self.state)}",
            "MR_CORE_TOKEN_FILE": str(self.state / backend_token.FILE),
        }

    def mentor_names(self) -> dict[str, str]:
        """What Mr. Mentor's processes are told: the playbook's names."""
        return mentor_names.of(self.places, self.words)

    def ready_line(self) -> dict[str, Any]:
        """The line of `mrcore up --json`; core.json and the token are there once serve is ready."""
        token = self.state / "token"
        core = self.state.read_json("core.json") or {}
        return {
            "control": core.get("control") or self.places.control,
            "socket": core.get("socket", ""),
            "token": token.read_text().strip() if token.exists() else "",
            "postgres": self.places.postgres.database(addresses.DATABASE),
            "redis": self.places.redis.url,
            "backends": self.places.backends,
            "switch": self.places.switch,
            "bull_board": {"username": "admin", "password": self.words.bull_board},
            "logs": str(self.state / "logs"),
            "state": str(self.state.path),
        }


def _mrcore(*words: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "mrcore", *words)
