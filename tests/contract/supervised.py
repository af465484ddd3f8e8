"""`python -m tests.contract.supervised STATE NAME…`: a real supervisor of tiny children.

A line on stdout says that all are ready; it ends when its input does.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys

from mrcore import folder
from mrcore.sources import base
from mrcore.stack import children, process, supervisor

CHILD = "import os, time; os.write(int(os.environ['MR_READY_FD']), b'1'); time.sleep(600)"


def spec(name: str) -> supervisor.Spec:
    """A child that is ready at once and stays."""
    argv = (sys.executable, "-I", "-S", "-c", CHILD)
    return supervisor.Spec(name, argv, dict(os.environ))


async def main(state: folder.StateFolder, names: list[str]) -> None:
    """Supervise until stdin ends."""
    process.LONGEST_DELAY_S = 0.02  # a suite kills more often than a stack would forgive
    (state / "logs").mkdir(exist_ok=True)
    for name in names:
        (state / "logs" / f"{name}.log").parent.mkdir(parents=True, exist_ok=True)
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(sys.stdin.fileno(), over.set)
    loop.add_signal_handler(signal.SIGTERM, over.set)
    with state.lock("stack.lock", "held"), children.Children() as mine:
        specs = [spec(name) for name in names]
        boss = supervisor.Supervisor(state, specs, mine, now=base.utc_now, changed=_quiet)
        await boss.start()
        print("ready", flush=True)
        await over.wait()
        boss.hurry()
        await boss.stop()


def _quiet(name: str, now: process.Process) -> None:
    """Nobody watches the changes but through processes.json."""


if __name__ == "__main__":
    asyncio.run(main(folder.StateFolder(sys.argv[1]), sys.argv[2:]))
