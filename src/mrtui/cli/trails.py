"""`mrtui find TEXT --trails`: rows of the audit trails that are about exactly this."""

from __future__ import annotations

import argparse
import json
import sys

from mrcore import errors
from mrcore.model import base, plans, ref, slot
from mrtui import link
from mrtui.columns import fmt
from mrtui.columns import trail as columns
from mrtui.terminal import safe_text

_PAGE = 300


async def run(client: link.Core, options: argparse.Namespace) -> int:
    """Print them, the newest first; 0 where there is one. Raises NotFound without such a source."""
    query = plans.Query(name=options.text, state=options.in_state, limit=_PAGE)
    owner, looked, hits = await _owner(client), 0, 0
    cursor: str | None = None
    while True:
        page = await client.page(owner, "trails", query, cursor)
        for row in page.rows:
            _print(row, as_json=options.json)
        looked, hits, cursor = looked + page.looked.scanned, hits + len(page.rows), page.cursor
        if cursor is None or looked >= options.look:
            break
    more = "all looked at" if cursor is None else f"--look {2 * options.look} goes on"
    print(f"{fmt.plural(hits, 'row')}, {more}", file=sys.stderr)
    return 0 if hits else 1


async def _owner(client: link.Core) -> base.Ref:
    live = await client.live()
    known = [e.ref for part in live.sources for e in part.upserts if isinstance(e, slot.Slots)]
    if not known:
        raise errors.NotFound(
            "No source has audit trails now.", fix="mrtui show sources says how each source is."
        )
    return min(known)


def _print(row: base.Entity, *, as_json: bool) -> None:
    if as_json:
        print(safe_text.safe_json(json.loads(row.model_dump_json()), None), flush=True)
        return
    words = [ref.url(row.ref)]
    if isinstance(row, slot.Trail):
        said = (row.who, row.what, row.about, columns.changed(row), row.address)
        words = [f"{row.at:%Y-%m-%d %H:%M:%S}Z", row.trail, *said]
    print(safe_text.safe_text("  ".join(filter(None, words))), flush=True)
