"""Copies text to the clipboard of the person's own machine, also through SSH and multiplexers."""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import Callable, Mapping
from typing import Any, Final

from textual.app import App

from mrtui.terminal import capabilities, safe_text

LIMIT_CHARS: Final = 70_000
"""Terminals drop a longer OSC 52 (xterm: 100,000 bytes of base64)."""

_SCREEN_CHUNK: Final = 250  # GNU screen cuts a DCS at 256 bytes
_TMUX_DEADLINE_S: Final = 2.0


async def copy(app: App[Any], text: str) -> str:
    """Copy `text` from a running app; the way that it went, as in `send`."""
    driver = app._driver  # the only way to write a sequence of one's own; copy_to_clipboard has it
    return "" if driver is None else await send(text, os.environ, driver.write)


async def send(text: str, environ: Mapping[str, str], write: Callable[[str], None]) -> str:
    """Copy `text`, made safe; return by which way, or "" where there is none.

    Inside tmux `tmux load-buffer -w -` sets tmux's buffer and the terminal's clipboard whatever
    `set-clipboard` and `allow-passthrough` say; elsewhere, and when that fails, OSC 52 is written
    by `write`. Whether the terminal took an OSC 52 cannot be known.
    """
    text = safe_text.safe_block(text)
    found = capabilities.detect(environ)
    if found.multiplexer is capabilities.Multiplexer.TMUX and await _into_tmux(text, environ):
        return "to tmux's buffer and clipboard"
    if found.multiplexer is capabilities.Multiplexer.NONE and not found.clipboard:
        return ""
    kept = text[:LIMIT_CHARS]
    write(osc52(kept, found.multiplexer))
    through = f"through {found.multiplexer.value} " if found.multiplexer.value else ""
    cut = f", only its first {LIMIT_CHARS:,} characters" if len(kept) < len(text) else ""
    return f"{through}by OSC 52{cut}; if it does not arrive: :select"


def osc52(text: str, multiplexer: capabilities.Multiplexer) -> str:
    """The sequence that sets the clipboard (xterm's OSC 52), wrapped for what stands between."""
    payload = base64.b64encode(text.encode("utf-8", "replace")).decode("ascii")
    sequence = f"\x1b]52;c;{payload}\x07"
    if multiplexer is capabilities.Multiplexer.TMUX:
        return f"\x1bPtmux;{sequence.replace(chr(27), chr(27) * 2)}\x1b\\"
    if multiplexer in (capabilities.Multiplexer.SCREEN, capabilities.Multiplexer.EITHER):
        chunks = [
            sequence[start : start + _SCREEN_CHUNK]
            for start in range(0, len(sequence), _SCREEN_CHUNK)
        ]
        wrapped = "".join(f"\x1bP{chunk}\x1b\\" for chunk in chunks)
        # screen ignores the plain one; tmux takes a part of the wrapped one, and then the plain
        return wrapped + sequence * (multiplexer is capabilities.Multiplexer.EITHER)
    return sequence


async def _into_tmux(text: str, environ: Mapping[str, str]) -> bool:
    try:
        process = await asyncio.create_subprocess_exec(
            *("tmux", "load-buffer", "-w", "-"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            env=dict(environ),
        )
    except OSError:
        return False
    try:
        async with asyncio.timeout(_TMUX_DEADLINE_S):
            await process.communicate(text.encode("utf-8", "replace"))
    except TimeoutError:
        process.kill()
        await process.wait()
        return False
    return process.returncode == 0
