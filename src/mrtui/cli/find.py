"""`mrtui find TEXT`: jobs of every state that match, as they are found; or rows of trails."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys

from mrcore import errors
from mrcore.model import base, queue, wire
from mrcore.model import ref as refs
from mrtui import finding, match
from mrtui.cli import following, reach, trails
from mrtui.columns import fmt
from mrtui.columns import job as columns
from mrtui.terminal import safe_text


def run(options: argparse.Namespace) -> int:
    """The exit code, as `mrtui find --help` explains it."""
    if not options.trails and (wrong := match.wrong(options.text)):
        raise errors.BadRequest(wrong)
    _, connect = reach.core(options)
    return asyncio.run(_run(options, connect))


async def _run(options: argparse.Namespace, connect: following.Connect) -> int:
    async with connect() as client:
        if options.trails:
            return await trails.run(client, options)
        live = await client.live()
        owners = chosen(live, options.queue)
        search = finding.Search(owners, options.text, options.in_state)
        while not search.done and search.scanned < options.look:
            for hit in await search.step(client):
                _print(hit, as_json=options.json)
    for of, why in search.failed.items():
        print(safe_text.safe_text(f"{of} is not searched: {why}"), file=sys.stderr)
    more = "" if search.done else f"; --look {2 * options.look} goes on"
    hits = fmt.plural(len(search.hits), "hit")
    print(f"{hits}, {search.said()}{more}", file=sys.stderr)
    return 0 if search.hits else 1


def chosen(live: wire.Snapshot, named: list[str]) -> list[base.Ref]:
    """The queues that are meant, all without a name. Raises NotFound for one that there is not."""
    known = {
        entity.ref: entity
        for changed in live.sources
        for entity in changed.upserts
        if isinstance(entity, queue.Queue)
    }
    if not named:
        return sorted(known)
    found: list[base.Ref] = []
    for one in named:
        plain = one.removeprefix(refs.SCHEME)
        fits = [of for of, entity in known.items() if plain in (of, entity.name)]
        if not fits:
            raise errors.NotFound(f"There is no queue {one!r}.", fix="mrtui status lists them.")
        found += fits
    return list(dict.fromkeys(found))


def _print(hit: base.Entity, *, as_json: bool) -> None:
    if as_json:
        print(safe_text.safe_json(json.loads(hit.model_dump_json()), None), flush=True)
        return
    words = [refs.url(hit.ref)]
    if isinstance(hit, queue.Job):
        at = columns.newest(hit)
        when = f"{at:%Y-%m-%d %H:%M:%S}Z" if at is not None else fmt.NONE
        words += [hit.state.value, hit.name, when, hit.error]
    print(safe_text.safe_text("  ".join(filter(None, words))), flush=True)
