"""The JWT that a stack gives its core: Mr. Mentor reads it as an admin's, for 30 days."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from mrcore.mentor import identity, jwt
from mrcore.stack import admin_token

NOW = datetime(2026, 11, 20, tzinfo=UTC)


def test_mr_mentor_reads_it_as_an_admins_for_30_days() -> None:
    token, secret = (
        admin_token.mint("a secret of the tests", NOW),
        SecretStr("a secret of the tests"),
    )
    late = NOW + timedelta(days=30)
    claims = jwt.read(token, secret, late - timedelta(seconds=1))
    assert (claims.role in identity.ADMINS, claims.by, claims.expires_at) == (True, None, late)
    with pytest.raises(jwt.Refused, match="expired"):
        jwt.read(token, secret, late)
    with pytest.raises(jwt.Refused, match="not signed here"):
        jwt.read(token, SecretStr("another"), NOW)


def test_each_has_an_id_of_its_own_so_that_it_can_be_logged_out() -> None:
    secret = SecretStr("s")
    ids = {jwt.read(admin_token.mint("s", NOW), secret, NOW).id for _ in range(2)}
    assert len(ids) == 2
