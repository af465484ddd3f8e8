"""Full sizes: from a fresh clone, as root and as a user. Run by `make proof`."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.e2e import measuring, running

pytestmark = [pytest.mark.proof, pytest.mark.timeout(900)]

ROOT = Path(__file__).resolve().parents[2]
SEEN = ("postgres", "emailQueue", "backend-blue", "worker")


def _run(argv: Sequence[str], cwd: Path, **variables: str) -> str:
    environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", **variables}
    for name in ("PIP_FIND_LINKS", "PIP_CERT", "PIP_INDEX_URL", "UV_INDEX_URL", "SSL_CERT_FILE"):
        if name in os.environ:
            environment[name] = os.environ[name]
    done = subprocess.run(
        argv, cwd=cwd, env=environment, capture_output=True, text=True, timeout=800,
        stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


def _as_user(folder: Path) -> list[str]:
    """The words in front of a command that make it run as nobody; none when we are a user."""
    if os.getuid() != 0:
        return []
    user = pwd.getpwnam("nobody")
    for path in (folder, *folder.rglob("*")):
        os.chown(path, user.pw_uid, user.pw_gid, follow_symlinks=False)
    ids = [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    return ["setpriv", *ids, "--inh-caps=-all", "--bounding-set=-all", "--no-new-privs"]


@pytest.mark.parametrize("who", ["me", "a user"])
def test_a_fresh_clone_runs_the_demo_with_two_words(
    who: str, record_property: Callable[[str, object], None]
) -> None:
    folder = Path("/tmp") / f"mr-clone-{os.getpid()}-{who.replace(' ', '-')}"
    clone = folder / "room"
    try:
        subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
        prefix = _as_user(folder) if who == "a user" else []
        first = _run([*prefix, "make", "demo"], clone, HOME=str(folder), TMPDIR=str(folder))
        again = _run([*prefix, "make", "demo"], clone, HOME=str(folder), TMPDIR=str(folder))
        assert [word for word in SEEN if word not in first or word not in again] == []
        assert "Installing" not in again
        ready = re.search(r"stack ready in ([\d.]+) s", again)
        assert ready is not None
        record_property("measured", f"make demo as {who}, the second time: ready in {ready[1]} s")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def test_a_stack_whose_folder_only_root_may_enter(state: Path) -> None:
    closed = state.parent / "closed"
    closed.mkdir(mode=0o700)
    with running.stack(closed / "state", "--seed", "7") as started:
        family = started.family()
        assert len(family) >= 9
    assert running.gone(family) == []


def test_the_demo_says_how_long_it_took(
    state: Path, record_property: Callable[[str, object], None]
) -> None:
    for _ in range(2):
        record_property("measured", str(measuring.demo(state)))
