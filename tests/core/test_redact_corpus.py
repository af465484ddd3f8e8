"""How much of a corpus of real-looking lines is found, and how much that is harmless is taken.

tests/corpus/redact_true.jsonl: a type, a text, and what may not be left of it; redact_false.jsonl:
texts that stay as they are. Keys have a ␟ in them, so that no scanner takes them for real ones.
"""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

from mrcore import redact

CORPUS = Path(__file__).parents[1] / "corpus"
FOUND_FLOOR = 0.98
FALSE_CEILING = 0.01
TRUE_LEAST = 150
FALSE_LEAST = 300


def rows(name: str) -> list[dict[str, Any]]:
    lines = (CORPUS / name).read_text().replace("␟", "").split("\n")
    return [json.loads(line) for line in lines if line]


def test_what_is_found_and_what_is_taken_wrongly(redaction_key: bytes) -> None:
    found: dict[str, list[bool]] = defaultdict(list)
    missed = []
    for row in rows("redact_true.jsonl"):
        assert all(one in row["text"] for one in row["hidden"]), row
        shown = redact.text(row["text"])
        good = shown != row["text"] and not any(one in shown for one in row["hidden"])
        found[row["type"]].append(good)
        missed += [] if good else [(row["type"], row["text"], shown)]
        assert redact.text(shown) == shown
    harmless = [row["text"] for row in rows("redact_false.jsonl")]
    taken = [(text, redact.text(text)) for text in harmless if redact.text(text) != text]

    print(f"\n{'type':<10} found    of")
    for kind, goods in sorted(found.items()):
        print(f"{kind:<10} {sum(goods) / len(goods):>5.1%} {len(goods):>5}")
    every = [good for goods in found.values() for good in goods]
    print(f"{'all':<10} {sum(every) / len(every):>5.1%} {len(every):>5}")
    print(f"taken wrongly: {len(taken)} of {len(harmless)} ({len(taken) / len(harmless):.2%})")
    for line in (*missed, *taken):
        print("  ", *line, sep=" | ")

    assert len(every) >= TRUE_LEAST
    assert len(harmless) >= FALSE_LEAST
    assert min(sum(goods) / len(goods) for goods in found.values()) >= FOUND_FLOOR
    assert len(taken) / len(harmless) <= FALSE_CEILING
