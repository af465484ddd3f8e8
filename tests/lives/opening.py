"""The engines by their kind, over the Redis of a test."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from mrcore import sources
from mrcore.sources import base as source_base
from tests import node
from tests.lives import engine, on_bullmq, on_huey, on_rq
from tests.node import boards

KINDS = ("huey", "rq", "bullmq", "bullboard")


@contextlib.contextmanager
def opened(kind: str, url: str, folder: Path) -> Iterator[engine.Engine]:
    """One engine; skips the test where it needs Node and there is none."""
    with contextlib.ExitStack() as stack:
        if kind == "huey":
            made: engine.Engine = on_huey.Huey(url)
        elif kind == "rq":
            made = on_rq.Rq(url)
        elif kind == "bullmq":
            node.modules()
            made = on_bullmq.BullMQ(url)
        else:
            node.modules()
            made = on_bullmq.Board(url, stack.enter_context(_board(url, folder)))
        stack.callback(made.close)
        yield made


@contextlib.contextmanager
def _board(url: str, folder: Path) -> Iterator[boards.Board]:
    port, db = (int(part) for part in url.rpartition(":")[2].split("/"))
    board = boards.Board(folder, port, [on_bullmq.Board.queue], db=db)
    try:
        board.server.start()
        yield board
    finally:
        board.server.close()


def source(on: engine.Engine, **more: object) -> source_base.Source:
    """A source that sees it, not entered yet."""
    own = {name: value for name, value in on.table().items() if name != "kind"}
    return sources.build(on.kind, {**own, **more})[0]
