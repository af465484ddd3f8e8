"""How a cell looks, as the terminal's codes, and the shortest way from one look to another."""

from __future__ import annotations

import functools
import itertools
from typing import Final, NamedTuple

from rich.color import Color, ColorSystem
from rich.style import Style
from textual.strip import Strip

_STEPS: Final = (0x00, 0x5F, 0x87, 0xAF, 0xD7, 0xFF)
# xterm's colours of fixed value: the cube and the greys. As numbers they take half the bytes.
# The first six are left out: palette scripts (base16-shell) put their own there.
_FIXED: Final = {
    **{
        (red, green, blue): 16 + index
        for index, (red, green, blue) in enumerate(itertools.product(_STEPS, repeat=3))
        if index >= 6
    },
    **{(grey, grey, grey): 232 + index for index, grey in enumerate(range(0x08, 0xF8, 10))},
}


class Look(NamedTuple):
    """SGR codes (ECMA-48 8.3.117) by what they set, and the target of a link (OSC 8)."""

    attributes: str = ""
    ink: str = ""
    ground: str = ""
    link: str = ""

    @property
    def erasable(self) -> bool:
        """Whether an erased cell looks like a written blank: only the ground shows."""
        return not self.link and set(self.attributes.split(";")) <= {"", "1", "2", "3"}


PLAIN: Final = Look()


@functools.lru_cache(maxsize=8_192)
def of_blank(look: Look) -> Look:
    """The look of a blank: where only the ground shows, nothing else is different."""
    return _look("", "", look.ground, "") if look.erasable else look


@functools.lru_cache(maxsize=8_192)
def draws_blank(look: Look, blank: Look) -> bool:
    """Whether a blank of one look can be written while another is on."""
    return look.erasable and look.ground == blank.ground and blank.erasable


@functools.lru_cache(maxsize=8_192)
def look_of(style: Style | None, system: ColorSystem) -> Look:
    """The look of a Rich style on a terminal with some number of colours."""
    if style is None:
        return PLAIN
    ink = _codes(style.color, system, foreground=True)
    ground = _codes(style.bgcolor, system, foreground=False)
    bare = style.without_color if style.color or style.bgcolor else style
    link = style.link or ""
    return _look(Strip.render_ansi(bare, system), ink, ground, link if link.isprintable() else "")


@functools.lru_cache(maxsize=8_192)
def _look(attributes: str, ink: str, ground: str, link: str) -> Look:
    return Look(attributes, ink, ground, link)  # equal looks are one object: compared at once


def _codes(color: Color | None, system: ColorSystem, *, foreground: bool) -> str:
    if color is None or color.is_default:
        return ""
    color = color.downgrade(system)
    if color.triplet is not None and (number := _FIXED.get(color.triplet)) is not None:
        return f"{38 if foreground else 48};5;{number}"
    return ";".join(color.get_ansi_codes(foreground))


@functools.lru_cache(maxsize=8_192)
def change(old: Look, new: Look) -> str:
    """The sequences that lead from one look to another, as few bytes as we know how."""
    linked = "" if old.link == new.link else f"\x1b]8;;{new.link}\x1b\\"
    if not (new.attributes or new.ink or new.ground):
        return linked + ("\x1b[m" if old.attributes or old.ink or old.ground else "")
    added = _added(old.attributes, new.attributes)
    if added is None:
        codes = ["0", new.attributes, new.ink, new.ground]
    else:
        codes = [added]
        if old.ink != new.ink:
            codes.append(new.ink or "39")
        if old.ground != new.ground:
            codes.append(new.ground or "49")
    sgr = ";".join(filter(None, codes))
    return f"{linked}\x1b[{sgr}m" if sgr else linked


def _added(old: str, new: str) -> str | None:
    """The attributes that are new; `None` when one has to go, which only a reset does surely."""
    before, after = filter(None, old.split(";")), list(filter(None, new.split(";")))
    gone = set(before)
    if not gone <= set(after):
        return None
    return ";".join(code for code in after if code not in gone)
