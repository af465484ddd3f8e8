"""`mrcore logreader`: the core's child that does all file work of logs."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

import click

from mrcore.logreader import loop

_PR_SET_PDEATHSIG = 1


@click.command()
@click.option("--parent", type=int, help="Process id of the core: the reader dies with it.")
def command(parent: int | None) -> None:
    """Follow and read log files for the core: JSON lines on stdin and stdout.

    Example: echo '{"id": 1, "do": "watch", "folder": "/var/log/app"}' | mrcore logreader
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the core; stdin ends with it
    if sys.platform == "linux" and parent is not None:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
        if os.getppid() != parent:
            return
    loop.Loop(sys.stdin.fileno(), sys.stdout.fileno()).run()
