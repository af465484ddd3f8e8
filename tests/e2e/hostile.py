"""Strings that attack terminals, screens and those who read them: worst cases, and any number."""

from __future__ import annotations

import random
from collections.abc import Iterator

from rich.cells import cell_len

from mrtui.terminal import safe_text

SEQUENCES = (
    "\x1b[2J", "\x1b[H", "\x1bc", "\x1b[?1049l", "\x1b[31;5;7;8m", "\x1b[999;999H", "\x1b[1;1r",
    "\x1b]0;owned\x07", "\x1b]2;owned\x1b\\",
    "\x1b]8;;https://evil.example/\x1b\\click\x1b]8;;\x1b\\",
    "\x1b]52;c;ZXZpbA==\x07", "\x1b]52;c;?\x07", "\x1b]52;p;ZXZpbA==\x1b\\", "\x1b]4;1;?\x07",
    "\x1b]10;?\x07", "\x1b]11;#ff0000\x07", "\x1b]104\x07", "\x1b]1337;File=inline=1:AAAA\x07",
    "\x1b]9;4;1;50\x07", "\x1b]777;notify;a;b\x07", "\x1b]133;A\x07", "\x1b]22;wait\x07",
    "\x1bP$q\"p\x1b\\", "\x1bP+q544e\x1b\\", "\x1bPtmux;\x1b\x1b]52;c;YQ==\x07\x1b\\",
    "\x1bP0;1|17/ab\x9c", "\x1b_Gf=100;AAAA\x1b\\", "\x1b^private\x1b\\", "\x1bXstring\x1b\\",
    "\x1bkwindow\x1b\\", "\x1b[6n", "\x1b[c", "\x1b[>0q", "\x1b[21t", "\x1b[5i", "\x1b[?5h",
    "\x1b[?1003h", "\x1b[?2026h", "\x1b[>1u", "\x1b[3J", "\x1b[4h", "\x1b[20h",
    "\x1b[62\"p", "\x1b#8",
    "\x1b(0", "\x1b)B", "\x1b%@", "\x1bN", "\x1b7", "\x1bM", "\x1b[s", "\x1b[!p",
    "\x1b[1S", "\x1b[?25l",
    "\x9b31m", "\x9b2J", "\x9d0;owned\x9c", "\x90+q\x9c", "\x98x\x9c", "\x9ex\x9c", "\x9fx\x9c",
    "\x1b", "\x1b[", "\x1b]", "\x1b]52;c;", "\x1bP", "\x9b", "\x9d52;c;YQ==\x07", "\x1b\x1b\x1b[",
    "\x18", "\x1a", "\x05", "\x07" * 5, "\x08" * 9 + "root", "\x0e\x0f", "\x11\x13", "\x7f" * 3,
)  # fmt: skip
"""Escape sequences of every family, whole and cut off, in seven and eight bits."""

CONTROLS = tuple(map(chr, (*range(0x20), *range(0x7F, 0xA0))))

LINES = (
    "\r",
    "\n",
    "\r\n",
    "\x0b",
    "\x0c",
    "\x85",
    "\u2028",
    "\u2029",
    "\x1c",
    "a\rroot ok",
    "a\n✖ bad",
)

HIDDEN = (
    "\u202eevil\u202c", "\u2066\u2067\u2068x\u2069", "\u202d", "\u200e\u200f\u061c", "\u200b\u200c",
    "\u200d", "\u2060\u2061", "\ufeff", "\u00ad", "\u034f", "\u180e", "\u115f\u1160",
    "\u3164\uffa0",
    "\u17b4\u17b5", "\ufe00\ufe0f", "\U000e0041\U000e007f", "\U000e0100", "\ufff9a\ufffab\ufffb",
    "\u2800", "\U0001bca0", "\U0001d173", "\ufdd0", "\uffff", "\U0010ffff", "\ue000", "\U000f0000",
    "pay\u200bments", "\u206a\u206f", "\u0600\u06dd", "\U000110bd",
)  # fmt: skip

MARKUP = (
    "[/oops]", "[/]", "[", "]", "[[", "]]", "\\[", "[bold red on blue]x", "[@click=app.quit]x[/]",
    "[@click=app.bell", '[@click="app.bell()"]y[/@click]', "[link=https://evil.example]z[/link]",
    "[blink]b[/blink]", "[reverse]", "[conceal]c", "[$error]", "[on $panel]", "[not closed", "[red",
    "[b][i][/b][/i]", "[bold]]", "[=]", "[ ]", "[\x1b[31m]", "$state-bad", "{0} {x!r:>9}",
    "%s %n %(a)s",
    ":smile:", "<script>", "&#27;[2J", "\\x1b[2J", "`id`", "$(reboot)", "${PATH}",
    "'\";--", "[/@]", "[]",
)  # fmt: skip

MARKS = (
    "Z" + "\u0301\u0489\u20dd" * 20, "\u0301" * 30, "e\u0301", "\u0e01" + "\u0e47" * 25,
    "\u0628" + "\u0651\u0650" * 15, "a" + "\u1dc0\ufe20" * 9, "\u05d0" + "\u0591\u05b0" * 9,
    " \u0308", "\u0915\u094d\u0937\u093f", "\u1100\u1161\u11a8", "H" + "\u20d2" * 12, "\u0345",
    "o" + "\U0001d165" * 7, "x" + "\ua9b6\u1b34" * 9, "\u0f40" + "\u0f71\u0f74\u0f80" * 6,
)  # fmt: skip

WIDE = (
    "漢字", "ｗｉｄｅ", "한글", "👩‍👩‍👧‍👦", "🏳️‍🌈", "🇩🇪🇫", "1️⃣", "☎️", "☎︎",
    "👍🏽", "漢" * 40, "a漢" * 9, "\t", "\t\ta\t",
    "\u3000", "\u00a0\u2003\u2009\u202f", "ﷺ" * 5, "𒐫" * 3, "꧅",
    "\u1f3fb", "\u231a\ufe0e", "ｱﾞ",
)  # fmt: skip

WORST = (
    *SEQUENCES, *CONTROLS, *LINES, *HIDDEN, *MARKUP, *MARKS, *WIDE, "", " ", "\x00" * 9,
    "".join(CONTROLS), "\ufffd" * 3, "mr://core/core/self", "../" * 9, "null", "-1", "--help",
)  # fmt: skip
"""The hand-written cases: each goes through everything, in every run."""

_FAMILIES = (SEQUENCES, CONTROLS, LINES, HIDDEN, MARKUP, MARKS, WIDE)
_WORDS = ("sendOtp", "payment", "failed", "ECONNRESET", "user", "42", "/api/health", "=", "::")

HUGE = "\x1b]52;c;" + "A\x9b2J\u202e[/oops]" * 1_000_000
"""A line of more than ten million bytes."""


def strings(seed: int, count: int) -> Iterator[str]:
    """So many strings, the same ones for a seed: attacks cut, joined and nested among words."""
    chance = random.Random(seed)
    for _ in range(count):
        parts = [_part(chance) for _ in range(chance.choice((1, 1, 2, 2, 3)))]
        yield chance.choice(("", "", " ", "x")).join(parts)


def _part(chance: random.Random) -> str:
    dice = chance.random()
    if dice < 0.2:
        return chance.choice(_WORDS)
    if dice < 0.3:
        return "".join(chr(_code(chance)) for _ in range(chance.randint(1, 6)))
    found = chance.choice(chance.choice(_FAMILIES))
    if dice < 0.45:  # cut off where it hurts
        found = found[: chance.randint(1, len(found))]
    elif dice < 0.6:  # one inside another
        at = chance.randint(0, len(found))
        found = found[:at] + chance.choice(chance.choice(_FAMILIES)) + found[at:]
    return found


def _code(chance: random.Random) -> int:
    """Any character but a surrogate, which no text on the wire can hold."""
    last = chance.choice((0x9F, 0x2FF, 0x20FF, 0xFFFF, 0x10FFFF))
    code = chance.randint(0, last)
    return code if not 0xD800 <= code <= 0xDFFF else 0xFFFD


def packed(every: list[str], cells: int) -> list[str]:
    """The strings joined into texts that fit so many cells of a screen; the longer ones alone."""
    made: list[str] = []
    taken = cells + 1
    for one in every:
        width = cell_len(safe_text.safe_text(one, limit=500)) + 1
        if taken + width > cells:
            made.append(one)
            taken = width
        else:
            made[-1] += " " + one
            taken += width
    return made
