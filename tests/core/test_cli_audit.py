"""`mrcore audit` and `mrcore token`: sentences, exit codes, JSON lines."""

from __future__ import annotations

import hashlib
import json
import os
import pwd
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from mrcore import errors
from mrcore.cli import audit as audit_cli
from mrcore.cli import token as token_cli
from mrcore.trust import anchor
from tests.core import test_audit_tampering as tampering
from tests.core import test_serve


def run(command: Any, *argv: str) -> tuple[int, str]:
    """Exit code and output; an MrError is raised, as main() turns it into exit code 2."""
    result = CliRunner().invoke(command, argv)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def audit(*argv: str) -> tuple[int, str]:
    return run(audit_cli.command, *argv)


def token(*argv: str) -> str:
    return run(token_cli.command, *argv)[1]


@pytest.fixture
def ledger(state: Path) -> Path:
    """A state folder whose audit has three rows: two tokens were made, one was revoked."""
    where = ("--state", str(state))
    token("create", "asha", *where)
    token("create", "ravi", "--role", "auditor", "--role", "viewer", "--hours", "8", *where)
    token("revoke", "1", *where)
    return state


def tamper(state: Path, what: str) -> None:
    place = tampering.Place(state)
    changed = [(seq, body.replace("ravi", "olga"), digest) for seq, body, digest in place.rows()]
    place.tamper(lambda rows: rows[:2] if what == "cut" else changed)


def test_a_whole_audit_is_told_with_its_extent(ledger: Path) -> None:
    code, said = audit("verify", "--state", str(ledger))
    assert code == 0
    assert said.startswith("3 rows fit together, from 20")
    assert "none was changed, removed or reordered. The anchor's row 3 is there." in said


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ("change", "Row 2 was changed. 1 row fits together, from 20"),
        ("cut", "Row 3 is missing, which the anchor names"),
    ],
)
def test_a_tampered_one_is_exit_code_1_and_a_sentence(ledger: Path, what: str, why: str) -> None:
    tamper(ledger, what)
    code, said = audit("verify", "--state", str(ledger))
    assert code == 1
    assert "is broken. Row " in said
    assert why in said


def test_an_anchor_kept_elsewhere_is_trusted_instead(ledger: Path, tmp_path: Path) -> None:
    _, line = audit("anchor", "--state", str(ledger))
    copy = tmp_path / "copy.json"
    copy.write_text(line)
    assert audit("verify", "--state", str(ledger), "--anchor", str(copy))[0] == 0
    copy.write_text(json.dumps({"seq": 3, "hash": "another"}))
    code, said = audit("verify", "--state", str(ledger), "--anchor", str(copy))
    assert (code, "the ledger was replaced" in said) == (1, True)
    with pytest.raises(errors.StoreError, match="There is no anchor"):
        audit("verify", "--state", str(ledger), "--anchor", str(tmp_path / "none"))


def test_the_ledger_of_another_machine_is_verified(ledger: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copied"
    shutil.copytree(ledger, copy)
    code, said = audit("verify", "--state", str(copy))
    assert code == 3
    assert "cannot tell whether rows are missing at its end" in said
    assert audit("verify", "--state", str(copy), "--no-anchor")[0] == 0
    tamper(copy, "change")
    assert audit("verify", "--state", str(copy))[0] == 1


def test_that_there_is_no_anchor_has_to_be_said(state: Path) -> None:
    where = ("--state", str(state))
    token("list", *where)  # makes the ledger
    code, said = audit("verify", *where)
    assert (code, "cannot tell" in said) == (3, True)
    code, said = audit("verify", "--no-anchor", *where)
    assert (code, said.startswith("0 rows fit together")) == (0, True)
    with pytest.raises(errors.BadRequest, match="either"):
        audit("verify", "--no-anchor", "--anchor", "/nowhere", *where)


def test_the_anchor_of_the_settings_is_the_one(ledger: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere" / "a.json"
    (ledger / "settings.json").write_text(json.dumps({"audit_anchor": str(elsewhere)}))
    token("create", "olga", "--state", str(ledger))
    assert anchor.read(elsewhere) is not None
    assert "The anchor's row 4 is there" in audit("verify", "--state", str(ledger))[1]


def test_the_anchor_of_a_core_with_settings_elsewhere_is_the_one(
    state: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    kept = elsewhere / "anchor.json"
    own = elsewhere / "settings.toml"
    own.write_text(f'audit_anchor = "{kept}"')
    where = ("--state", str(state))
    with test_serve.serving(state, "--settings", str(own)) as process:
        token("create", "asha", *where)
        token("create", "ravi", *where)
        process.terminate()
        assert process.wait(20) == 0
    assert "The anchor's row 2 is there" in audit("verify", *where)[1]
    assert not anchor.default_path(state).exists()
    tampering.Place(state).tamper(lambda rows: rows[:1])
    code, said = audit("verify", *where)
    assert (code, "the end was cut off" in said) == (1, True)
    (state / anchor.SAID).unlink()
    assert audit("verify", *where)[0] == 3  # nobody knows of the anchor
    assert audit("verify", "--settings", str(own), *where)[0] == 1
    for argv in (("create", "olga"), ("list",), ("revoke", "1")):
        token(*argv, "--settings", str(own), *where)
    assert not anchor.default_path(state).exists()
    reason = ("--accept", "--reason", "disk replaced")
    assert audit("anchor", *reason, "--settings", str(own), *where)[0] == 0
    found = anchor.read(kept)
    assert found is not None
    assert found.seq == 4


@pytest.mark.parametrize("login", sorted({"root", pwd.getpwuid(os.getuid()).pw_name}))
def test_a_token_is_not_named_like_root_or_the_cores_own_user(state: Path, login: str) -> None:
    with pytest.raises(errors.BadRequest, match="or the user that the core runs as"):
        token("create", login, "--state", str(state))
    assert not (state / "ledger.sqlite").exists()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder away")
def test_a_token_is_not_named_like_the_folders_owner(state: Path) -> None:
    token("create", "nobody", "--state", str(state))  # another user of this host is a person
    os.chown(state, pwd.getpwnam("nobody").pw_uid, -1)
    with pytest.raises(errors.BadRequest, match="nobody is root here or"):
        token("create", "nobody", "--state", str(state))


def test_no_ledger_is_a_sentence(tmp_path: Path) -> None:
    for verb in ("verify", "export", "anchor"):
        with pytest.raises(errors.StoreError, match="cannot be read"):
            audit(verb, "--state", str(tmp_path))


def test_a_replaced_ledger_is_accepted_with_a_reason_which_the_audit_keeps(ledger: Path) -> None:
    where = ("--state", str(ledger))
    (ledger / "ledger.sqlite").unlink()
    token("create", "asha", *where)
    assert audit("verify", *where)[0] == 1
    with pytest.raises(errors.BadRequest, match="needs a reason"):
        audit("anchor", "--accept", *where)
    assert audit("verify", *where)[0] == 1
    code, said = audit("anchor", "--accept", "--reason", "disk replaced", *where)
    assert (code, json.loads(said)["seq"]) == (0, 2)
    assert audit("verify", *where)[0] == 0
    *_, last = audit("export", *where)[1].splitlines()
    row = json.loads(last)
    assert (row["action"], row["reason"], row["via"]) == ("audit.accept", "disk replaced", "cli")
    assert "it named row 3" in row["text"]


def rows(*argv: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in audit("export", *argv)[1].splitlines()]


def test_rows_are_exported_as_json_lines_by_time_and_text(ledger: Path) -> None:
    where = ("--state", str(ledger))
    every = rows(*where)
    assert [row["seq"] for row in every] == [1, 2, 3]
    assert [row["action"] for row in every] == ["token.create", "token.create", "token.revoke"]
    assert [row["seq"] for row in rows("--text", "ravi", *where)] == [2]
    assert rows("--since", every[1]["at"], *where) == every[1:]
    assert rows("--since", "90m", *where) == every
    assert rows("--since", "2999-01-01", *where) == []
    for since in ("yesterday", "7w", "-1d"):
        with pytest.raises(errors.BadRequest, match="is no instant"):
            audit("export", "--since", since, *where)


def test_an_exported_hash_can_be_made_again(ledger: Path) -> None:
    for row in rows("--state", str(ledger)):
        digest = row.pop("hash")
        body = json.dumps(row, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        assert hashlib.sha256(body.encode()).hexdigest() == digest


def test_what_somebody_put_into_a_row_does_not_reach_the_terminal(ledger: Path) -> None:
    evil = "\x1b]0;x\x07 \x9b2J \x7f \u202e"
    with sqlite3.connect(ledger / "ledger.sqlite") as connection:
        connection.execute("INSERT INTO audit VALUES (4, ?, '')", (json.dumps({"text": evil}),))
        connection.execute("INSERT INTO audit VALUES (5, ?, '')", (evil,))
    connection.close()
    _, said = audit("export", "--state", str(ledger))
    assert all(" " <= c <= "~" or c == "\n" for c in said)
    *_, four, five = map(json.loads, said.splitlines())
    assert (four["text"], five["body"]) == (evil, evil)


def test_tokens_are_listed_without_their_secrets(ledger: Path) -> None:
    said = token("create", "olga", "--days", "3", "--state", str(ledger)).strip()
    listed = token("list", "--json", "--state", str(ledger))
    assert said.split("_", 2)[2] not in listed
    found = json.loads(listed)
    assert [(t["id"], t["login"], t["state"]) for t in found] == [
        (1, "asha", "revoked"),
        (2, "ravi", "valid"),
        (3, "olga", "valid"),
    ]
    assert found[1]["roles"] == ["auditor", "viewer"]
    assert "expires" in token("list", "--state", str(ledger)).splitlines()[1]


@pytest.mark.parametrize("login", ["", " ", "a b", "\x1b[2J", "asha\n", "-x", "é", "a" * 65])
def test_a_login_is_a_plain_name(state: Path, login: str) -> None:
    with pytest.raises(errors.BadRequest, match="is no login"):
        token("create", "--state", str(state), "--", login)


def test_a_token_is_for_days_or_hours(state: Path) -> None:
    with pytest.raises(errors.BadRequest, match="either"):
        token("create", "asha", "--days", "1", "--hours", "1", "--state", str(state))
