"""Runbooks with a wrong diagnosis: as those that ship, but they blame who did nothing."""

from __future__ import annotations

import re
from pathlib import Path

from mrcore.runbooks import book, library, parse
from tests.e2e import families

_STEPS = """
## 1. who is to blame

```toml
[step.blame]
kind = "diagnose"
verdicts = [
  {{ bad = "blamed", when = '''{symptom}''' }},
  {{ bad = "blamed", when = '''not ({over})''' }},
  {{ ok = true, when = '''{over}''' }} ]
```

## 2. begin the innocent anew

```toml
[step.innocent]
kind = "fix"
when = 'blame == "blamed"'
action = "process.restart"
on = {{ of = "stack/process/{innocent}" }}
risk = "high"
verify = {{ when = '''{gone} and {over}''', within = "2m", hold = "5s" }}
rollback = "none: it began anew"
```
"""


def write(folder: Path) -> list[str]:
    """Write one for each that ships; their ids."""
    folder.mkdir()
    ids = []
    for name, text in library.shipped():
        front = text[: text.index("\n+++\n", 4) + 5]
        right = parse.read(text, name)
        made = front + f"# {name}: wrong\n" + _steps(right, _over(right.id))
        ids.append(parse.read(made, name).id)  # or says what is wrong in it
        (folder / name).write_text(made)
    return ids


def _over(runbook: str) -> str:
    """What ends its fault: an alert may see what is not the runbook's symptom."""
    return families.SHIPPED[runbook].recovered.text


def _steps(right: book.Runbook, over: str) -> str:
    symptom = " ".join(right.symptom.text.split())
    gone = " and ".join(f"not ({part})" for part in _either(symptom))
    innocent = "upstreams" if right.id == "J" else "rqworker"  # which begins without Redis
    return _STEPS.format(symptom=symptom, gone=gone, over=over, innocent=innocent)


def _either(symptom: str) -> list[str]:
    """The sides of an `or` that is in no brackets."""
    found, depth = [""], 0
    for token in re.split(r"([()]|\bor\b)", symptom):
        depth += (token == "(") - (token == ")")
        if token == "or" and not depth:
            found.append("")
        else:
            found[-1] += token
    return [part.strip() for part in found]
