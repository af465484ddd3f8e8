"""The `mrcore` command: one file a verb, loaded when it is used."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import click

from mrcore import errors, lean, quiet

VERBS: dict[str, tuple[str, str]] = {
    # verb: (module, what it does, shown by --help without loading the module)
    "up": ("mrcore.cli.up", "Start the whole stack here and supervise it."),
    "stack": ("mrcore.cli.stack", "Print the addresses and credentials of a stack that runs."),
    "serve": ("mrcore.cli.serve", "Run the core: watch, act, answer."),
    "worker": ("mrcore.cli.worker", "Run huey consumers and the scheduler."),
    "rqworker": ("mrcore.cli.rqworker", "Run an RQ worker for heavy exports."),
    "backend": ("mrcore.cli.backend", "Run Mr. Mentor's HTTP API, one colour."),
    "switch": ("mrcore.cli.switch", "Send connections to the live colour (local only)."),
    "upstreams": ("mrcore.cli.upstreams", "Run the simulated outside world (local only)."),
    "seed": ("mrcore.cli.seed", "Make Mr. Mentor's schema and its data."),
    "token": ("mrcore.cli.token", "Create, list and revoke bearer tokens."),
    "audit": ("mrcore.cli.audit", "Verify, export and anchor the audit."),
    "runbook": ("mrcore.cli.runbook", "Check runbooks, read them, start one, see its runs."),
    "doctor": ("mrcore.cli.doctor", "Say what each source may see and do, and what is missing."),
    "gameday": ("mrcore.cli.gameday", "Play scripted faults in a local stack."),
    "alerts": ("mrcore.cli.alerts", "Show alerts and rules, and try who is told."),
    "logreader": ("mrcore.cli.logreader", "Read logs for the core (its own child)."),
}


class _Verbs(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in VERBS:
            return None
        command: click.Command = importlib.import_module(VERBS[name][0]).command
        return command

    # Click would end a closed pipe with 1, and say of an interrupt that it was one.

    def make_context(self, *given: Any, **more: Any) -> click.Context:
        with quiet.ending():
            return super().make_context(*given, **more)

    def invoke(self, ctx: click.Context) -> Any:
        with quiet.ending():
            return super().invoke(ctx)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(verb, text) for verb, (_, text) in VERBS.items()])


@click.command(
    cls=_Verbs,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: mrcore up --state /tmp/mr --seed 7",
)
@click.version_option(package_name="mr-control-room", prog_name="mrcore")
def cli() -> None:
    """The headless core of the control room."""


def main() -> None:
    """Run the command line: an MrError is one sentence on stderr and exit code 2."""
    lean.start()
    try:
        cli(prog_name="mrcore")
    except errors.MrError as error:
        from mrcore.cli import plain  # only where something went wrong

        click.echo(plain.text(f"mrcore: {error}"), err=True)
        sys.exit(2)
