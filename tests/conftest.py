"""Shared fixtures: real servers a test process, an own database a test."""

from __future__ import annotations

import gc
import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from _pytest import nodeid

from mrcore import redact
from tests import again, node, servers

# What is imported and collected stays until the end: garbage is looked for only in what tests make,
# and less often than in a program that must stay small: a tenth of the time of a test of the screen
# went into it.
gc.disable()
gc.set_threshold(10_000, 10, 10)

# `make test` tries the same cases each time; `make proof` searches for new ones.
hypothesis.settings.register_profile("steady", derandomize=True, deadline=None)
hypothesis.settings.register_profile("search", max_examples=1_000, deadline=None)
hypothesis.settings.load_profile("steady")

_DATABASES = itertools.count(1)

SEARCH_TIMEOUT_S = 1_800
"""For one test that searches; what makes real things for each example takes minutes."""

# The longest begin first, so that both workers end together; what they start ends with them.
_GROUPS = ("stack", "failure", "hostile", "demo", "cluster", "rig-slots")


@pytest.fixture(scope="session", autouse=True)
def own_data_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Cores of this run keep the anchors of their audits in a folder of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("data")))
        yield


@pytest.fixture
def redaction_key() -> Iterator[bytes]:
    """The key of the tags for one test; without it they have no digits."""
    key = b"a key of the tests, of 32 bytes."
    redact.use(key)
    yield key
    redact.use(b"")


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Postgres]:
    """A Postgres 18 of this test process."""
    with servers.postgres(tmp_path_factory.mktemp("postgres")) as server:
        yield server


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Valkey]:
    """A Valkey 9 of this test process."""
    with servers.valkey(tmp_path_factory.mktemp("valkey")) as server:
        yield server


@pytest.fixture
def database(postgres: servers.Postgres) -> Iterator[str]:
    """DSN (superuser) of an empty database of this test's own."""
    name = servers.new_name()
    postgres.execute(f"CREATE DATABASE {name}")
    yield postgres.dsn(name)
    postgres.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def redis_url(valkey: servers.Valkey) -> str:
    """URL of an empty Redis database of this test's own."""
    return valkey.url(next(_DATABASES))


@pytest.fixture(scope="session")
def node_modules() -> Path:
    """The `node_modules` of tests/node, installed once; skips where that is not possible."""
    return node.modules()


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """An empty state folder."""
    return tmp_path / "state"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let tests search for long; and those of a group run first, on one worker, and share.

    pytest-xdist 3.8 writes the group into a name that pytest 9.2 no longer reads, and then splits
    groups without a word (pytest-xdist issue 1386).
    """
    if hypothesis.settings.get_current_profile_name() == "search":
        for item in items:
            if item.get_closest_marker("hypothesis"):
                item.add_marker(pytest.mark.timeout(SEARCH_TIMEOUT_S))
    items.sort(
        key=lambda item: (
            _GROUPS.index(group) if (group := _group(item)) in _GROUPS else len(_GROUPS)
        )
    )
    if not getattr(config.option, "loadgroup", False):
        return
    for item in items:
        if (group := _group(item)) and not item.nodeid.endswith(f"@{group}"):
            item._id = nodeid.NodeId.parse(f"{item.nodeid}@{group}")


def pytest_collection_finish() -> None:
    """From here on there may be garbage, and in nothing that is older."""
    gc.freeze()
    gc.enable()


def _group(item: pytest.Item) -> str:
    mark = item.get_closest_marker("xdist_group")
    return str(mark.args[0]) if mark else ""


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests measured (`record_property("measured", sentence)`) and the lack of Node.

    And write down what failed, for whoever tries it again.
    """
    if record := os.environ.get(again.FAILED):
        wrong = [*terminalreporter.getreports("failed"), *terminalreporter.getreports("error")]
        Path(record).write_text("".join(f"{report.nodeid}\n" for report in wrong))
    skipped = terminalreporter.getreports("skipped")
    without = [r.longrepr[2] for r in skipped if isinstance(r.longrepr, tuple)]
    lacking = [why for why in without if "NODE: " in why]
    for why in sorted(set(lacking)):
        words = f"{why.removeprefix('Skipped: ')} {lacking.count(why)} tests were left out."
        terminalreporter.write_line(words, yellow=True, bold=True)
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            if name == "measured":
                terminalreporter.write_line(f"measured: {value}")
