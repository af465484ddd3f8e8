"""`mrcore runbook`: check runbooks, read them, start one, see what became of its runs."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import click

from mrcore import client, errors
from mrcore.cli import ledger, plain
from mrcore.model import base, plans, ref, run, wire
from mrcore.runbooks import book, library, parse

T = TypeVar("T")

_json = click.option("--json", "as_json", is_flag=True, help="As JSON.")
_folder = click.option(
    "--folder", type=click.Path(path_type=Path), help="A folder of your own (runbooks.folder)."
)


@click.group()
def command() -> None:
    """Check runbooks, read them, start one.

    Example: mrcore runbook lint my-runbooks/*.md
    """


@command.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@_folder
@_json
def lint(files: tuple[Path, ...], folder: Path | None, as_json: bool) -> None:
    """Read FILES, or every shipped runbook: exit code 1 where something is wrong in one.

    Every mistake is printed with its file and line.

    Example: mrcore runbook lint my-runbooks/A.md
    """
    found = library.look(folder, given=[_reading(path) for path in files])
    if as_json:
        facts = {"problems": found.problems, "runbooks": sorted(found.known)}
        click.echo(plain.document(facts, indent=2))
    else:
        for problem in found.problems:
            click.echo(plain.text(problem))
        if not found.problems:
            checked = len(files) or len(found.known)
            said = "1 runbook is" if checked == 1 else f"{checked} runbooks are"
            click.echo(f"{said} well formed.")
    if found.problems:
        sys.exit(1)


def _reading(path: Path) -> parse.Reading:
    """A file that was named. Raises BadRequest where there is none."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        raise errors.BadRequest(f"There is no file {path}.") from None
    except IsADirectoryError:
        fix = f"`mrcore runbook lint --folder {path}` reads the runbooks in it."
        raise errors.BadRequest(f"{path} is a folder.", fix=fix) from None
    except OSError as error:
        raise errors.BadRequest(f"{path} cannot be read: {error.strerror}.") from None
    return parse.reading(text, str(path))


@command.command(name="list")
@_folder
@_json
def list_(folder: Path | None, as_json: bool) -> None:
    """Print every runbook: its id, what it is about, its title; exit code 1 where one is broken.

    What is wrong with those that are not well formed is said on stderr.

    Example: mrcore runbook list --json
    """
    found = library.look(folder)
    known = found.known.values()
    if as_json:
        click.echo(plain.document([_facts(each) for each in known], indent=2))
    for each in () if as_json else known:
        click.echo(
            plain.text(f"{each.id:<4} {each.severity}  {each.about or '-':<10} {each.title}")
        )
    _complain(found)


@command.command()
@click.argument("name")
@_folder
@_json
def show(name: str, folder: Path | None, as_json: bool) -> None:
    """Print a runbook as it is written, or as its steps with --json.

    What is wrong with others is said on stderr; exit code 1 then.

    Example: mrcore runbook show J
    """
    library_ = library.look(folder)
    if name in library_.broken:
        _complain(library_)
    if name not in library_.known:
        known = ", ".join(library_.known)
        raise errors.BadRequest(f"There is no runbook {name!r}; there are {known}.")
    found = library_.known[name]
    if as_json:
        steps = [{"id": s.id, "kind": s.kind, "title": s.title} for s in found.steps]
        click.echo(plain.document({**_facts(found), "steps": steps}, indent=2))
    for line in () if as_json else found.text.rstrip().split("\n"):
        click.echo(plain.text(line))
    _complain(library_)


def _complain(found: library.Library) -> None:
    """Say what is wrong with the others, and end with 1."""
    for problem in found.problems:
        click.echo(plain.text(problem), err=True)
    if found.problems:
        sys.exit(1)


@command.command()
@ledger.state_option
@_json
def runs(state: Path | None, as_json: bool) -> None:
    """Print the runs of a running core, the newest first.

    Example: mrcore runbook runs --state /tmp/mr --json
    """
    found = asyncio.run(_asked(state, _runs))
    if as_json:
        rows = [each.model_dump(mode="json") for each in found]
        click.echo(plain.document(rows, indent=2))
        return
    for each in found:
        about = each.subject or "-"
        said = each.why or each.diagnosis
        line = f"{each.id:>5} {each.runbook:<3} {each.state:<11} {about}  {said}"
        click.echo(plain.text(line.rstrip()))


@command.command()
@click.argument("name")
@click.argument("subject", default="")
@click.option("--param", "params", multiple=True, help="NAME=VALUE, for each parameter.")
@ledger.state_option
@_json
def start(
    name: str, subject: str, params: tuple[str, ...], state: Path | None, as_json: bool
) -> None:
    """Start runbook NAME on SUBJECT (a ref) in a running core; its diagnosis runs at once.

    Example: mrcore runbook start A mr://huey/queue/emailQueue --state /tmp/mr
    """
    args: plans.Args = {}
    if subject:
        args["subject"] = subject
    if params:
        args["params"] = dict(_pair(each) for each in params)

    async def begin(core: client.CoreClient) -> plans.TargetOutcome:
        chosen = plans.Selection(refs=(ref.make("core", "runbook", name),))
        plan = await core.plan("runbook.start", chosen, args)
        if not plan.total:
            raise errors.BadRequest("; ".join(each.why for each in plan.left_out))
        await core.apply(plan.plan_id)
        return await _outcome(core, plan.plan_id)

    done = asyncio.run(_asked(state, begin))
    if as_json:
        click.echo(plain.document(done.model_dump(mode="json")))
    else:
        click.echo(plain.text(f"{done.outcome}: {done.why}"))
    if done.outcome is not plans.Outcome.DONE:
        sys.exit(1)


async def _outcome(core: client.CoreClient, plan_id: str) -> plans.TargetOutcome:
    """What became of the one target of a plan, when that is known."""
    async for _ in core.changes():
        found = (await core.targets(plan_id)).outcomes
        if found:
            return found[0]
    raise errors.CoreUnreachable("The core has ended before it said what became of it.")


async def _runs(core: client.CoreClient) -> list[run.Run]:
    live: wire.Snapshot = await core.live()
    rows: Iterable[base.Entity] = (e for source in live.sources for e in source.upserts)
    found = [each for each in rows if isinstance(each, run.Run)]
    return sorted(found, key=lambda each: -each.id)


async def _asked(state: Path | None, work: Callable[[client.CoreClient], Awaitable[T]]) -> T:
    async with client.CoreClient.at(state=state) as core:
        return await work(core)


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise errors.BadRequest(f"--param {text!r} is not NAME=VALUE.")
    return name, value


def _facts(each: book.Runbook) -> dict[str, Any]:
    return {
        "id": each.id,
        "title": each.title,
        "about": each.about,
        "symptom": " ".join(each.symptom.text.split()),
        "recovers": each.recovers,
        "severity": each.severity,
        "owner": each.owner,
        "params": {param.name: param.type for param in each.params},
        "where": each.where,
    }
