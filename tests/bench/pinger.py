"""Another client of a Redis, in a process of its own: how long it waits while others work.

As root it, and the Redis that `prefer` is told, go before whatever else the machine does: else
what is measured is who gets a core.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CLIENT = """
import json, os, signal, socket, sys, time
from urllib.parse import urlsplit
url = urlsplit(sys.argv[1])
wire = socket.create_connection((url.hostname, url.port))
wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
try:
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
except (AttributeError, PermissionError):
    pass
going, took = True, []
def end(*_):
    global going
    going = False
signal.signal(signal.SIGTERM, end)
while going:
    began = time.perf_counter()
    wire.sendall(b"PING\\r\\n")
    wire.recv(64)
    took.append((time.perf_counter() - began) * 1000)
    if len(took) == 1:
        print("ready", flush=True)
    time.sleep(0.001)
took.sort()
print(json.dumps([took[len(took) * 99 // 100], took[-1]]))
"""


@dataclass
class Waits:
    """What it saw, filled in at the end: the 99th percentile and the longest, ms."""

    p99_ms: float = 0.0
    longest_ms: float = 0.0

    def __str__(self) -> str:
        return f"longest {self.longest_ms:.1f} ms, p99 {self.p99_ms:.2f} ms"


def prefer(pid: int) -> bool:
    """Let a server go first; False where that is not possible (macOS), or not allowed."""
    try:
        os.sched_setscheduler(pid, os.SCHED_FIFO, os.sched_param(1))
    except (AttributeError, PermissionError):
        return False
    return True


def starved_ms(pid: int) -> float:
    """How long a process has waited for a core so far (Linux, `/proc/<pid>/schedstat`)."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e6
    except OSError:
        return 0.0


@contextlib.contextmanager
def pinging(url: str) -> Iterator[Waits]:
    """PING every millisecond while the block runs."""
    waits = Waits()
    argv = [sys.executable, "-c", CLIENT, url]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        try:
            assert child.stdout.readline() == "ready\n"
            yield waits
        finally:
            child.terminate()
            rest = child.stdout.read()
    waits.p99_ms, waits.longest_ms = json.loads(rest)
