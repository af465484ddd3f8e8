"""`mrtui reset`: undo what a screen that was cut off left behind (mouse, alternate screen …)."""

from __future__ import annotations

import argparse
import sys

LEAVE = (
    "\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?1015l\x1b[?1016l"  # mouse reports
    "\x1b[?2004l\x1b[?1004l\x1b[?2048l"  # bracketed paste, focus reports, in-band resize
    "\x1b[<u\x1b[?2026l"  # kitty keys, synchronised output
    "\x1b[?1049l\x1b[0m\x1b[?25h\x1b[?7h\r"  # main screen, plain text, cursor, wrapping
)


def run(options: argparse.Namespace) -> int:
    """Send the sequences, and make the line editable again."""
    sys.stdout.write(LEAVE)
    sys.stdout.flush()
    if sys.stdin.isatty():
        import termios

        mode = termios.tcgetattr(sys.stdin)
        mode[0] |= termios.ICRNL | termios.IXON
        mode[1] |= termios.OPOST
        mode[3] |= termios.ECHO | termios.ICANON | termios.ISIG | termios.IEXTEN
        termios.tcsetattr(sys.stdin, termios.TCSANOW, mode)
    return 0
