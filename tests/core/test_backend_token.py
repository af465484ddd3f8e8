"""The token that a stack gives its backends: an operator's, kept, and replaced in time."""

from __future__ import annotations

import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mrcore import folder
from mrcore.stack import backend_token
from mrcore.store import files, tokens

NOW = datetime(2026, 11, 20, tzinfo=UTC)


@pytest.fixture
def where(state: Path) -> folder.StateFolder:
    return folder.StateFolder(state).make()


async def kept(where: folder.StateFolder, now: datetime = NOW) -> str:
    await backend_token.keep(where, where / "anchor.json", now)
    return (where / backend_token.FILE).read_text()


def known(where: folder.StateFolder) -> list[tokens.Token]:
    return files.ledger(where.path).run_here(tokens.every)


async def test_it_is_an_operators_and_nobody_else_may_read_it(where: folder.StateFolder) -> None:
    token = await kept(where)
    (found,) = known(where)
    assert (found.login, found.roles) == ("backend", ("operator",))
    assert token.startswith(f"mr_{found.id}_")
    assert stat.S_IMODE((where / backend_token.FILE).stat().st_mode) == 0o600


async def test_it_is_kept_while_it_is_valid_for_long(where: folder.StateFolder) -> None:
    first = await kept(where)
    assert await kept(where, NOW + backend_token.VALID - 1.1 * backend_token.RENEW) == first
    assert len(known(where)) == 1
    assert await kept(where, NOW + backend_token.VALID - 0.9 * backend_token.RENEW) != first


@pytest.mark.parametrize("text", ["", "nonsense", "mr_99_secret", "mr_١_secret"])
async def test_what_is_no_token_is_replaced(where: folder.StateFolder, text: str) -> None:
    where.write_text(backend_token.FILE, text)
    assert (await kept(where)).startswith("mr_1_")


async def test_a_revoked_one_is_replaced(where: folder.StateFolder) -> None:
    first = await kept(where)
    (found,) = known(where)
    files.ledger(where.path).run_here(lambda c: tokens.revoke(c, found.id, NOW))
    assert await kept(where) != first
