"""The `mrtui` command: argparse and nothing heavy; each command is loaded when it is used."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from mrcore import errors, lean, quiet

COMMANDS: dict[str, str] = {
    # command: what it does; its code is mrtui/cli/<command>.py
    "demo": "A whole stack with data, and the screen over it.",
    "dev": "Your own stack, kept between runs, and the screen over it.",
    "status": "Print the facts.",
    "check": "One line and an exit code: 0 ok, 1 warn, 2 bad, 3 unknown.",
    "envs": "Every environment side by side; the code of the worst: 2, then 3, 1, 0.",
    "show": "Print a screen as text.",
    "find": "Search the jobs of queues, in every state, or the audit trails.",
    "do": "Plan and apply an action on refs.",
    "reset": "Restore a terminal that was left in a bad state.",
    "completion": "Print a shell's completion script.",
}

RULES = (errors.Forbidden, errors.NotArmed, errors.NeedsApproval, errors.TooMany)
"""What refuses by a rule: exit code 1, where other errors are 2."""

REST_SHOWN = 3
REST_CHARS = 60


class Parser(argparse.ArgumentParser):
    """Takes options between arguments; of what it does not know it names the first few."""

    def taken(self, given: Sequence[str]) -> argparse.Namespace:
        """What was given; it ends the program where that is wrong."""
        options, rest = self.parse_known_intermixed_args(given)
        rest = [word for word in rest if word.startswith("-")] or rest  # not the REFs behind one
        if rest:
            words = [word if len(word) <= REST_CHARS else f"{word[:REST_CHARS]}…" for word in rest]
            more = f" and {len(rest) - REST_SHOWN:,} more" if len(rest) > REST_SHOWN else ""
            self.error(f"unrecognized arguments: {' '.join(words[:REST_SHOWN])}{more}")
        return options


class _Version(argparse.Action):
    """Print the version; looked up only when asked for, since that takes as long as a frame."""

    def __call__(self, parser: argparse.ArgumentParser, *rest: object) -> None:
        from importlib import metadata

        print(f"mrtui {metadata.version('mr-control-room')}")
        parser.exit()


class _Listed(argparse.Action):
    """Print every action; the catalogue is loaded only when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *rest: object) -> None:
        from mrtui.cli import actions

        print("\n".join(actions.lines()))
        parser.exit()


def _where(parser: Parser) -> None:
    """Options that say which core."""
    parser.add_argument("--state", type=Path, metavar="DIR", help="state folder of the core")
    parser.add_argument("--settings", type=Path, metavar="FILE", help="settings of a core to start")
    parser.add_argument(
        "--token-file", type=Path, metavar="FILE", help="file with a bearer token, for a URL"
    )


def _look(parser: Parser) -> None:
    """Options of the screen."""
    parser.add_argument("--theme", default="", metavar="NAME", help="calm, light, contrast …")
    parser.add_argument("--read-only", action="store_true", help="offer no action at all")
    parser.add_argument(
        "--ring",
        choices=("all", "bell", "notify", "title", "none"),
        default="all",
        help="how the terminal tells of an alert that begins to fire (all)",
    )


def _target(parser: Parser) -> None:
    parser.add_argument(
        "target", nargs="?", default="", metavar="URL|CONTEXT", help="a core; else the folder's"
    )


def _screen(parser: Parser) -> None:
    _target(parser)
    _where(parser)
    _look(parser)


def _demo(parser: Parser) -> None:
    parser.add_argument("--state", type=Path, metavar="DIR", help="state folder of the stack")
    parser.add_argument("--keep", action="store_true", help="leave the stack running")
    parser.add_argument("--seed", type=int, default=None, metavar="N", help="seed of the data (7)")
    parser.add_argument("--scale", choices=("small", "large"), default="small", help="how much")
    said = (
        "with this incident of mrcore gameday list under way, and alerts 20 times as quick; "
        "mrcore gameday operate, of the same --state, does what its runbook asks by hand"
    )
    parser.add_argument("--scenario", default="", metavar="ID", help=said)
    _look(parser)


def _status(parser: Parser) -> None:
    _target(parser)
    _where(parser)
    parser.add_argument("--json", action="store_true", help="as JSON")


def _check(parser: Parser) -> None:
    _target(parser)
    _where(parser)


def _envs(parser: Parser) -> None:
    parser.add_argument("--state", type=Path, metavar="DIR", help="look at this folder's core, too")
    parser.add_argument("--json", action="store_true", help="as JSON")


def _show(parser: Parser) -> None:
    parser.add_argument("screen", metavar="SCREEN", help="home, queues, … or a ref mr://…")
    _target(parser)
    _where(parser)
    parser.add_argument("--size", default="80x24", metavar="WxH", help="80x24")
    parser.add_argument("--text", default="", metavar="REGEX", help="only rows that match, as /")


def _find(parser: Parser) -> None:
    parser.add_argument("text", metavar="TEXT", help="a regular expression, as / filters")
    said = "rows of the audit trails that are about exactly TEXT: an e-mail, invoice, payment …"
    parser.add_argument("--trails", action="store_true", help=said)
    parser.add_argument("--core", default="", dest="target", metavar="URL|CONTEXT", help="a core")
    _where(parser)
    said = "only this one, a name or a ref; may be repeated"
    parser.add_argument("--queue", action="append", default=[], metavar="QUEUE", help=said)
    parser.add_argument("--in-state", default="", metavar="STATE", help="as failed; or the trail")
    parser.add_argument(
        "--look", type=int, default=20_000, metavar="N", help="at how many at most (20000)"
    )
    parser.add_argument("--json", action="store_true", help="as JSON, a hit a line")
    parser.epilog = """exit codes:
  0  something was found
  1  nothing was found
  2  wrong usage, or an error"""


def _do(parser: Parser) -> None:
    parser.add_argument("action", metavar="ACTION", help="for example queue.retry, undo, core.arm")
    parser.add_argument("refs", nargs="*", metavar="REF", help="what to act on, mr://…")
    parser.add_argument("--list", action=_Listed, nargs=0, help="print every action, and end")
    parser.add_argument("--core", default="", dest="target", metavar="URL|CONTEXT", help="a core")
    _where(parser)
    parser.add_argument("--plan", action="store_true", help="only show what it would do")
    parser.add_argument("--yes", action="store_true", help="apply a high risk without asking")
    parser.add_argument("--reason", default="", metavar="TEXT", help="why, for the audit")
    parser.add_argument(
        "--confirm", default="", metavar="NAME", help="the target's name: this confirms"
    )
    given = "an argument of the action (--list has them), as by_s=600 of job.delay; repeatable"
    parser.add_argument("--arg", action="append", default=[], metavar="NAME=VALUE", help=given)
    parser.add_argument("--wait-approval", action="store_true", help="wait for a second login")
    parser.add_argument("--break-glass", action="store_true", help="do without one: loud, recorded")
    parser.add_argument("--json", action="store_true", help="as JSON")
    every = parser.add_argument_group("on everything that matches, instead of REF")
    every.add_argument("--all-of", default="", metavar="REF", help="the owner, mr://huey/queue/x")
    every.add_argument("--collection", default="jobs", metavar="NAME", help="of what (jobs)")
    every.add_argument("--in-state", default="", metavar="STATE", help="for example failed")
    every.add_argument("--fingerprint", default="", metavar="ID", help="of the failure (groups)")
    every.add_argument("--name", default="", metavar="NAME", help="jobs of this name")
    for age in ("older", "younger"):
        said = f"ended, or enqueued, {age} than so many seconds"
        every.add_argument(f"--{age}-s", type=float, default=None, metavar="S", help=said)
    every.add_argument("--text", default="", metavar="REGEX", help="as / filters, ! inverts")
    every.add_argument("--prefix", default="", metavar="TEXT", help="beginning of a key's name")
    parser.epilog = """exit codes:
  0  everything was done, or the plan was shown
  1  something was skipped, failed or refused by a rule (role, read-only, not armed, a second
     login's no, too many at once), or there was nothing to do
  2  wrong usage, or an error
  3  the plan waits for a second login's approval (mrtui, :plans)
  4  the operation has begun and goes on without us, or is paused
  130  interrupted: planning was stopped, or the operation goes on without us

With --json an error is JSON, too: its code, detail (a sentence) and fix (what to do)."""


def _reset(parser: Parser) -> None:
    """No options."""


def _completion(parser: Parser) -> None:
    parser.add_argument("shell", choices=("bash", "zsh", "fish"))


ARGUMENTS: dict[str, Callable[[Parser], None]] = {
    "": _screen,
    "demo": _demo,
    "dev": _demo,
    "status": _status,
    "check": _check,
    "envs": _envs,
    "show": _show,
    "find": _find,
    "do": _do,
    "reset": _reset,
    "completion": _completion,
}


def parser(command: str) -> Parser:
    """The parser of a command; the empty one is the screen itself."""
    listed = "\n".join(f"  {name:<11} {text}" for name, text in COMMANDS.items())
    made = Parser(
        prog=f"mrtui {command}".strip(),
        description=COMMANDS.get(command, "The control room: one screen over one core."),
        epilog=None if command else f"commands:\n{listed}\n\nexample: mrtui demo",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    if not command:
        made.add_argument("--version", action=_Version, nargs=0, help="print the version")
    ARGUMENTS[command](made)
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line: an MrError is one sentence on stderr, or JSON where that is wanted."""
    if argv is None:  # else it is not our process
        lean.start()
    with quiet.ending():
        return _run(argv)


def _run(argv: Sequence[str] | None) -> int:
    given = list(sys.argv[1:] if argv is None else argv)
    command = given.pop(0) if given and given[0] in COMMANDS else ""
    options = parser(command).taken(given)
    options.command = command
    module = importlib.import_module(f"mrtui.cli.{command or 'screen'}")
    try:
        return int(module.run(options))
    except errors.MrError as error:
        _tell(error, as_json=getattr(options, "json", False))
        return 1 if isinstance(error, RULES) else 2


def _tell(error: errors.MrError, *, as_json: bool) -> None:
    from mrtui.terminal import safe_text

    if as_json:
        said = {"code": error.code, "detail": error.sentence, "fix": error.fix}
        print(safe_text.safe_json(said))
    else:
        print(f"mrtui: {safe_text.safe_text(str(error))}", file=sys.stderr)
