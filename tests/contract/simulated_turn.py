"""A STUN server as a process: the simulated one, on the port of argv, for ever."""

from __future__ import annotations

import asyncio
import sys

from pydantic import SecretStr

from mrcore.mentor import turn


async def main() -> None:
    """Answer until the process is ended."""
    await turn.listen(turn.Account(f"turn:127.0.0.1:{sys.argv[1]}", "", SecretStr("")))
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
