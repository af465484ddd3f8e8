"""`mrtui completion SHELL`: a completion script, written from the parsers."""

from __future__ import annotations

import argparse

from mrcore import catalogue
from mrtui import cli, screens


def run(options: argparse.Namespace) -> int:
    """Print the script."""
    print({"bash": bash, "zsh": zsh, "fish": fish}[options.shell]())
    return 0


def words() -> dict[str, list[str]]:
    """What can follow each command; the empty one is `mrtui` itself."""
    found = {}
    for command in cli.ARGUMENTS:
        made = cli.parser(command)
        flags = [flag for action in made._actions for flag in action.option_strings]
        choices = [
            str(choice) for action in made._actions for choice in action.choices or () if choice
        ]
        found[command] = [*flags, *choices]
    found[""] += list(cli.COMMANDS)
    found["show"] += list(screens.NAMES)
    found["do"] += list(catalogue.ACTIONS)
    return found


def bash() -> str:
    """For `eval "$(mrtui completion bash)"`."""
    cases = "\n".join(
        f'    {name}) words="{" ".join(follow)}" ;;' for name, follow in words().items() if name
    )
    return f"""_mrtui() {{
  local words
  case "${{COMP_WORDS[1]}}" in
{cases}
    *) words="{" ".join(words()[""])}" ;;
  esac
  [ "$COMP_CWORD" -eq 1 ] && words="{" ".join(words()[""])}"
  COMPREPLY=($(compgen -W "$words" -- "${{COMP_WORDS[COMP_CWORD]}}"))
}}
complete -o default -F _mrtui mrtui"""


def zsh() -> str:
    """For `eval "$(mrtui completion zsh)"`; bash's script through bashcompinit."""
    return f"autoload -U +X bashcompinit && bashcompinit\n{bash()}"


def fish() -> str:
    """For `mrtui completion fish | source`."""
    lines = []
    for command, follow in words().items():
        when = f"__fish_seen_subcommand_from {command}" if command else "__fish_use_subcommand"
        lines.append(f"complete -c mrtui -n '{when}' -a '{' '.join(follow)}'")
    return "\n".join(lines)
