"""`mrcore alerts`: what fires, which rules there are, and whether somebody would be told."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mrcore import errors, folder
from mrcore.cli import plain

if TYPE_CHECKING:
    from mrcore import settings as core_settings
    from mrcore.alerts import rule as rules
    from mrcore.model import alert

_state = click.option(
    "--state", type=click.Path(path_type=Path), help="State folder (or MR_STATE)."
)
_settings = click.option("--settings", type=click.Path(path_type=Path), help="Settings file.")
_json = click.option("--json", "as_json", is_flag=True, help="One JSON document.")


@click.group()
def command() -> None:
    """Show what fires, which rules there are, and try the channels.

    Example: mrcore alerts test oncall
    """


@command.command(name="list")
@_state
@_json
def list_(state: Path | None, as_json: bool) -> None:
    """Show what fires, may fire, or has resolved within the hour.

    Exit code 0 when nothing fires, 1 when something does.

    Example: mrcore alerts list --json
    """
    from mrcore.model import alert  # half a second that --help does not need

    found = asyncio.run(_live(state))
    if as_json:
        click.echo(plain.document([each.model_dump(mode="json") for each in found], indent=2))
    else:
        for each in found:
            click.echo(plain.text(_line(each)))
    firing = (alert.Phase.FIRING, alert.Phase.RECOVERING)
    sys.exit(int(any(each.phase in firing for each in found)))


async def _live(state: Path | None) -> list[alert.Alert]:
    """The alerts of the core that runs. Raises CoreUnreachable."""
    from mrcore import client
    from mrcore.model import alert

    async with client.CoreClient.at(state=folder.StateFolder(state).path) as core:
        snapshot = await core.live()
    entities = (each for source in snapshot.sources for each in source.upserts)
    return [each for each in entities if isinstance(each, alert.Alert)]


def _line(each: alert.Alert) -> str:
    hands = f"{each.acked_by} is at it" if each.acked_by else each.hidden
    said = f"{each.severity.value:<4} {each.phase.value:<10} {each.rule:<26} {each.name:<16}"
    return f"{said} {hands:<16} {each.summary}".rstrip()


@command.command(name="rules")
@_state
@_settings
@_json
def rules_(state: Path | None, settings: Path | None, as_json: bool) -> None:
    """Show every rule: those that ship, with yours in their place.

    Example: mrcore alerts rules --json
    """
    from mrcore.alerts import rule as rules

    found = rules.load(rules.shipped(), _own(state, settings).alerts.rules)
    if as_json:
        click.echo(plain.document([_facts(each) for each in found.values()], indent=2))
        return
    for each in found.values():
        for_ = f"for {each.timing.for_s:g} s" if each.timing.for_s else "at once"
        said = f"{each.severity.value:<4} {each.id:<26} {for_:<10} {each.runbook or '-':<2}"
        until = f" until {each.until.text}" if each.until else ""
        click.echo(plain.text(f"{said} {' '.join(f'{each.expr.text}{until}'.split())}"))


def _facts(each: rules.Rule) -> dict[str, Any]:
    return {
        "id": each.id,
        "expr": each.expr.text,
        "until": each.until.text if each.until else None,
        "severity": each.severity.value,
        "for_s": each.timing.for_s,
        "keep_firing_for_s": each.timing.keep_s,
        "escalate_after_s": each.timing.escalate_s,
        "runbook": each.runbook,
        "depends_on": [str(cause) for cause in each.depends_on],
    }


@command.command()
@click.argument("rules", type=click.Path(path_type=Path), required=False)
@_state
@_settings
def check(rules: Path | None, state: Path | None, settings: Path | None) -> None:
    """Read RULES, or those of the settings, and the channels; say what is wrong with which line.

    Every mistake of a rule is named, also a runbook that is nowhere. Nobody is told anything. Exit
    code 2 when something is wrong.

    Example: mrcore alerts check rules.toml
    """
    from mrcore.alerts import notify
    from mrcore.alerts import rule as alert_rules
    from mrcore.runbooks import library
    from mrcore.sources import base

    own = _own(state, settings)
    books = library.load(own.runbooks.folder)
    try:
        found = alert_rules.load(alert_rules.shipped(), rules or own.alerts.rules, runbooks=books)
    except errors.RuleError as error:
        for problem in error.problems:
            click.echo(plain.text(problem), err=True)
        sys.exit(2)
    channels = notify.load(own.alerts, base.utc_now)
    click.echo(f"{len(found)} rules and {len(channels)} channels are well.")


@command.command()
@click.argument("channel")
@_state
@_settings
@_json
def test(channel: str, state: Path | None, settings: Path | None, as_json: bool) -> None:
    """Send a test over CHANNEL, as this user and with these settings; no core is needed.

    Exit code 1 when it was not taken.

    Example: mrcore alerts test oncall
    """
    from mrcore.alerts import notify
    from mrcore.alerts.notify import message
    from mrcore.sources import base

    own = _own(state, settings)
    found = notify.load(own.alerts, base.utc_now)
    if channel not in found:
        raise errors.BadRequest(
            f"There is no channel {channel[:64]!r} in the settings.",
            fix=f"The channels are {', '.join(found) or 'none'}.",
        )
    told, why = message.test(own.environment, channel, base.utc_now()), ""
    try:
        asyncio.run(found[channel].channel.send(told))
    except errors.NotSent as error:
        why = error.sentence
    if as_json:
        click.echo(plain.document({"channel": channel, "sent": not why, "why": why}))
    else:
        click.echo(plain.text(f"{channel} was not told: {why}" if why else f"{channel} was told."))
    sys.exit(int(bool(why)))


def _own(state: Path | None, settings: Path | None) -> core_settings.Settings:
    """The settings that a core of that folder would have."""
    from mrcore import settings as core_settings

    where = folder.StateFolder(state)
    return core_settings.load(settings or core_settings.find(where.path))
