"""What docs/production.md says and no other test shows."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import redis

import mrcore
from mrcore import sources
from tests import servers
from tests.docs import examples, generate

PAGE = generate.ROOT / "docs" / "production.md"
CONNECT = {"aiohttp", "asyncpg", "ftplib", "httpx", "huey", "imaplib", "poplib", "psycopg", "redis"}
CONNECT |= {"requests", "rq", "smtplib", "telnetlib", "urllib3", "websockets", "xmlrpc"}
"""Packages that make connections; of the standard library also `http.client` and sockets."""

CALLS = frozenset(
    {
        "open_connection",
        "create_connection",
        "create_datagram_endpoint",
        "urlopen",
        "HTTPConnection",
    }
)
LOCAL = ("mrcore/mentor", "mrcore/stack", "mrcore/cli", "mrcore/worker.py", "mrcore/scheduler.py")
LOCAL += ("mrcore/gameday",)
"""Mr. Mentor, his stack and its game days, which a core that watches a production does not load."""

MAY = {
    "mrcore/client.py",  # the screen to its core
    "mrcore/ways.py",
    "mrcore/alerts/notify",  # to the channels of the settings
    "mrcore/answers.py",  # the form of httpx's answers
    "mrcore/journal",  # in the application that is watched, to its own Redis
    "mrcore/sources/backend.py",
    "mrcore/sources/backend_caches.py",
    "mrcore/sources/bullboard",
    "mrcore/sources/bullmq",
    "mrcore/sources/certificates.py",  # what is served there, and nothing is sent
    "mrcore/sources/deploy",
    "mrcore/sources/engine",
    "mrcore/sources/huey",
    "mrcore/sources/pg",
    "mrcore/sources/redis",
    "mrcore/sources/rq",
    "mrcore/sources/slots",
    "mrcore/sources/upstreams",
    "mrcore/sources/web.py",  # HTTP of bullboard and slots
    "mrcore/sources/kept.py",
    "mrcore/sources/live_meetings.py",  # a stack's own backend, on loopback
    "mrcore/sources/meetings",
}


def test_only_these_modules_can_connect_to_anything() -> None:
    root = Path(mrcore.__file__).parent.parent
    found = set()
    for path in [*(root / "mrcore").rglob("*.py"), *(root / "mrtui").rglob("*.py")]:
        name = str(path.relative_to(root))
        if not name.startswith(LOCAL) and _connects(ast.parse(path.read_text())):
            found.add(name)
    strangers = [name for name in sorted(found) if not name.startswith(tuple(MAY))]
    assert strangers == []
    assert any(name.startswith("mrcore/sources/redis") for name in found)


def _connects(tree: ast.Module) -> bool:
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                packages = {name.name.partition(".")[0] for name in names}
            case ast.ImportFrom(module=str(module), level=0):
                packages = {module.partition(".")[0]}
            case ast.Attribute(attr=attr) if attr in CALLS:
                return True
            case _:
                continue
        if packages & CONNECT:
            return True
    return False


@pytest.fixture
def watcher(valkey: servers.Valkey) -> str:
    """The lines of the page, run: a login of Redis."""
    (line,) = re.findall(r"ACL SETUSER watcher on .*", PAGE.read_text())
    with contextlib.closing(redis.Redis.from_url(valkey.url())) as admin:
        admin.execute_command(*line.replace(">…", f">{servers.PASSWORD}").split())
    return f"watcher:{servers.PASSWORD}@"


async def test_logins_that_only_look(
    postgres: servers.Postgres, redis_url: str, watcher: str
) -> None:
    url = redis_url.replace("redis://", f"redis://{watcher}")
    found = await sources.examine("redis", {"url": url})
    assert [one.what for one in found if not one.ok] == ["delete keys"]
    (sql,) = examples.blocks(PAGE, "sql")
    role = servers.new_name("looks")
    for statement in sql.replace("watcher", role).replace("…", servers.PASSWORD).split(";")[:-1]:
        await _execute(postgres, statement)
    try:
        found = await sources.examine("pg", {"dsn": postgres.dsn(user=role)})
        missing = {one.what for one in found if not one.ok}
        assert missing == {"cancel and terminate", "reserved slots"}  # this server reserves none
    finally:
        await _execute(postgres, f"DROP ROLE {role}")


async def _execute(postgres: servers.Postgres, sql: str) -> None:
    await asyncio.to_thread(postgres.execute, sql)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
def test_the_systemd_unit_is_one(tmp_path: Path) -> None:
    unit = tmp_path / "mrcore.service"
    text = (generate.ROOT / "docs" / "mrcore.service").read_text()
    unit.write_text(re.sub(r"(?m)^ExecStart=\S+", "ExecStart=/bin/true", text))
    done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
