"""`mrcore doctor`: what is missing, as the line that gives it."""

from __future__ import annotations

import asyncio
import getpass
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mrcore import folder, redact
from mrcore.cli import plain

if TYPE_CHECKING:
    from mrcore import doctor
    from mrcore.sources import finding

_WIDTH = 18


@click.command()
@click.option("--state", type=click.Path(path_type=Path), help="State folder (or MR_STATE).")
@click.option("--settings", type=click.Path(path_type=Path), help="Settings, TOML or JSON.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(state: Path | None, settings: Path | None, as_json: bool) -> None:
    """Say what the core and each source may see and do, and what is missing.

    Run it as the user that the core runs as, for example with sudo -u mrcore. It changes nothing;
    in Redis it writes the health canary, as the core does. What is missing comes with the GRANT,
    the ACL line, the sudo rule or the command that gives it.

    Exit code 0 when all is well, 1 when something is missing, 2 when settings are wrong.

    Example: mrcore doctor --settings /etc/mr/settings.toml
    """
    # Half a second of imports that --help does not need.
    from mrcore import doctor
    from mrcore import settings as core_settings
    from mrcore.sources import base

    where = folder.StateFolder(state)
    file = settings or core_settings.find(where.path)
    own = core_settings.load(file)
    # Not asyncio.run(): it would wait for a look that hangs in a file system.
    loop = asyncio.new_event_loop()
    parts = loop.run_until_complete(doctor.examine(where, own, now=base.utc_now))
    parts = _without(core_settings.secrets_of(own), parts)
    about = {"environment": own.environment, "user": getpass.getuser(), "settings": str(file or "")}
    click.echo(_json(about, parts) if as_json else "\n".join(_lines(about, parts)))
    code = _code(parts)
    if any(part.late for part in parts):
        sys.stdout.flush()
        os._exit(code)  # the thread that hangs would hold the interpreter back
    loop.close()
    sys.exit(code)


def _without(secrets: Iterable[str], parts: Iterable[doctor.Part]) -> list[doctor.Part]:
    """The findings without these secrets: a server's error may quote what it was given."""
    ordered = sorted(secrets, key=len, reverse=True)

    def hide(words: str) -> str:
        for secret in ordered:
            words = words.replace(secret, redact.MASK)
        return words

    return [
        part._replace(
            findings=tuple(
                one._replace(sentence=hide(one.sentence), fix=hide(one.fix))
                for one in part.findings
            )
        )
        for part in parts
    ]


def _code(parts: Iterable[doctor.Part]) -> int:
    if any(part.wrong for part in parts):
        return 2
    return int(any(not one.ok for part in parts for one in part.findings))


def _lines(about: dict[str, str], parts: Sequence[doctor.Part]) -> Iterator[str]:
    where = about["settings"] or "the environment only"
    yield plain.text(f"{about['environment']}, as {about['user']}, with settings of {where}")
    for part in parts:
        yield ""
        yield plain.text(part.name if part.name == part.kind else f"{part.name} ({part.kind})")
        for one in part.findings:
            yield plain.text(f"  {_mark(one)}  {one.what:<{_WIDTH}}  {one.sentence}")
            if one.fix:
                yield plain.text(f"      {one.fix}")
    every = [one for part in parts for one in part.findings]
    missing = sum(not one.ok for one in every)
    yield ""
    yield f"{missing} of {len(every)} are missing." if missing else f"All {len(every)} are ok."


def _mark(one: finding.Finding) -> str:
    if one.ok:
        return "● ok     "
    return "✖ missing" if one.known else "? unknown"


def _json(about: dict[str, str], parts: Sequence[doctor.Part]) -> str:
    told: dict[str, Any] = {**about, "exit": _code(parts)}
    told["parts"] = [
        {
            "name": part.name,
            "kind": part.kind,
            "settings_wrong": part.wrong,
            "findings": [one._asdict() for one in part.findings],
        }
        for part in parts
    ]
    return plain.document(told, indent=2)
