"""What Postgres lets this login see and do, for `mrcore doctor`."""

from __future__ import annotations

import importlib.resources
from collections.abc import Callable, Iterator
from datetime import datetime

from mrcore import errors
from mrcore.sources import finding, pg
from mrcore.sources.pg import link, rights

OLDEST = 120_000
APART_S = 2.0
_SQL = importlib.resources.files(__package__).joinpath("doctor.sql").read_text()


async def examine(settings: pg.Settings, now: Callable[[], datetime]) -> list[finding.Finding]:
    """Connect once and ask; what is missing comes with the GRANT for it. Raises nothing."""
    opener = link.Link(settings.dsn, read_only=True)
    began = now()
    try:
        connection = await opener.open()
    except errors.SourceError as error:
        return [finding.Finding("reach", False, error.sentence, error.fix)]
    try:
        row = await connection.fetchrow(_SQL)
    except opener.failures as error:
        return [finding.Finding("reach", False, opener.explain(error).sentence)]
    finally:
        await opener.close(connection)
    assert row is not None
    took = now() - began
    took_ms = took.total_seconds() * 1000
    sentence = f"Postgres {row['version']} answers {row['login']} in {took_ms:.0f} ms."
    clock = _clock(abs((row["clock"] - began - took / 2).total_seconds()), took.total_seconds())
    return [finding.Finding("reach", True, sentence), *_rights(row), clock]


def _rights(row: rights.Row) -> Iterator[finding.Finding]:
    login = row["login"]
    if row["number"] < OLDEST:
        yield finding.Finding("version", False, "Versions before 12 are not supported.")
    for what, has, good, bad, group in (
        (
            "see sessions",
            row["sees_all"],
            "Statements, states and times of all roles are seen.",
            "Statements, states and times of other roles are hidden.",
            "pg_monitor",
        ),
        (
            "cancel and terminate",
            row["signals"],
            "Sessions of other roles can be cancelled and terminated.",
            "Only this role's own sessions can be cancelled and terminated.",
            "pg_signal_backend",
        ),
    ):
        fix = "" if has else f"GRANT {group} TO {login};"
        yield finding.Finding(what, has, good if has else bad, fix)
    yield _slots(row)
    if row["superuser"]:
        yield finding.Finding(
            "least rights", False, f"{login} is a superuser: far more than is needed."
        )


def _clock(apart_s: float, took_s: float) -> finding.Finding:
    """Ages are reckoned with the core's clock from instants of the server's."""
    sentence = f"The server's clock and this host's are {apart_s:.1f} s apart."
    return finding.Finding("clock", apart_s < APART_S + took_s, sentence)


def _slots(row: rights.Row) -> finding.Finding:
    """Whether a connection can be had when applications have taken all of theirs (since 16)."""
    what, login = "reserved slots", row["login"]
    if row["may_reserve"] is None:
        return finding.Finding(
            what, True, "This version has none: the connections kept are those there are."
        )
    if not row["may_reserve"]:
        fix = f"GRANT pg_use_reserved_connections TO {login};"
        return finding.Finding(what, False, f"{login} may not use reserved connections.", fix)
    if not row["reserved"]:
        fix = "ALTER SYSTEM SET reserved_connections = 2;  -- and restart Postgres"
        return finding.Finding(what, False, "No connection is reserved.", fix)
    return finding.Finding(what, True, f"{row['reserved']} connections are reserved for it.")
