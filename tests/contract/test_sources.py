"""What every source keeps, on the real thing: one suite, every kind.

A topic that a kind does not have is skipped with the sentence that says why; the suite skips only
where `describe()` agrees.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable

import pytest

from mrcore import catalogue, errors, sources
from mrcore.model import base, plans, ref, wire
from mrcore.sources import base as source_base
from mrcore.sources import honest
from tests import frozen, waiting
from tests.contract import factories, rig, warm

PATIENCE_S = 0.4
"""How long these tests wait for a stopped server; a core waits `deadline_s`."""


def unless(here: rig.Rig, topic: str) -> None:
    """Skip with the rig's sentence where the topic does not apply."""
    if topic in here.lacks:
        pytest.skip(f"{here.kind}: {here.lacks[topic]}")


async def pages(source: source_base.Source, listing: rig.Listing) -> AsyncIterator[wire.Page]:
    cursor = None
    while True:
        page = await source.page(listing.ref, listing.collection, listing.query, cursor, 0)
        yield page
        if (cursor := page.cursor) is None:
            return


def kinds(entities: Iterable[base.Entity]) -> set[str]:
    return {entity.kind for entity in entities}


def test_every_kind_of_source_is_here() -> None:
    assert factories.RIGS.keys() == {*sources.REGISTRY, "core"}


async def test_a_sample_keeps_the_rules(here: rig.Rig) -> None:
    async with warm.opened(here) as source:
        sample = await source.sample()
        assert honest.check(source.name, sample, source_base.utc_now()) is sample
        assert sample.entities
        for entity in sample.entities:
            address = ref.parse(entity.ref)
            assert ref.make(address.source, address.kind, *address.ids) == entity.ref
            assert (address.source, address.kind) == (source.name, entity.kind)
        again = wire.Sample.model_validate_json(sample.model_dump_json())
        # What was captured is for the core's history, and not sent.
        assert again == sample.model_copy(update={"captured": (), "uncaptured": 0})


async def test_points_are_of_the_catalogue(here: rig.Rig) -> None:
    async with warm.opened(here) as source:
        first, second = await source.sample(), await source.sample()
        for point in (*first.points, *second.points):
            metric = catalogue.METRICS[point.metric]
            assert ref.parse(point.ref).kind == metric.kind


async def test_nothing_changed_is_equal(here: rig.Rig) -> None:
    """An age or a rate in an entity would make every pair of samples differ."""
    async with warm.opened(here) as source:

        async def equal() -> bool:
            first, second = await source.sample(), await source.sample()
            return by_ref(first) == by_ref(second)

        await waiting.until(equal, what="two equal samples")


def by_ref(sample: wire.Sample) -> dict[base.Ref, base.Entity]:
    return {entity.ref: entity for entity in sample.entities}


async def test_the_description_is_true(here: rig.Rig) -> None:
    async with warm.opened(here) as source:
        described, sample = source.describe(), await source.sample()
        live, paged = kinds(sample.entities), set()
        for listing in here.listings():
            async for page in pages(source, listing):
                paged |= kinds(page.rows)
        assert live <= set(described.kinds) <= live | paged
        assert {listing.collection for listing in here.listings()} == set(described.collections)
        assert set(described.actions) <= catalogue.ACTIONS.keys()
        reveals = {a for a in described.actions if catalogue.ACTIONS[a].reveals}
        assert set(described.actions) - reveals == set(here.acts)
        for entity in sample.entities:
            assert set(entity.actions) <= set(described.actions)
        probed = await source.probe()
        assert {check.ref for check in probed} <= {e.ref for e in sample.entities}


async def test_pages_cover_everything_once(here: rig.Rig) -> None:
    async with warm.opened(here) as source:
        if not source.describe().collections:
            pytest.skip(f"{here.kind}: describe() has no collections")
        for listing in here.listings():
            found: list[base.Entity] = []
            async for page in pages(source, listing):
                assert len(page.rows) <= listing.query.limit
                assert page.looked.complete or page.cursor
                assert wire.Page.model_validate_json(page.model_dump_json()) == page
                found += page.rows
            assert sorted(map(listing.told, found)) == sorted(listing.rows)
            assert len({row.ref for row in found}) == len(found)
            assert listing.foreign or {ref.source_of(row.ref) for row in found} == {source.name}


async def test_a_detail_of_every_kind(here: rig.Rig) -> None:
    async with warm.opened(here) as source:
        entities = list((await source.sample()).entities)
        for listing in here.listings():
            async for page in pages(source, listing):
                entities += () if listing.foreign else page.rows
        for entity in {entity.kind: entity for entity in entities}.values():
            detail = await source.detail(entity.ref)
            assert detail.entity.ref == entity.ref
            assert detail.entity.kind == entity.kind
            assert len({section.id for section in detail.sections}) == len(detail.sections)
            assert wire.Detail.model_validate_json(detail.model_dump_json()) == detail


async def test_odd_ids_lead_to_what_they_name(here: rig.Rig) -> None:
    unless(here, "odd")
    async with warm.opened(here) as source:
        for odd in here.odd():
            assert (await source.detail(odd)).entity.ref == odd


async def test_refs_that_lead_nowhere(here: rig.Rig) -> None:
    assert here.unknown()
    async with warm.opened(here) as source:
        for nowhere in here.unknown():
            with pytest.raises(errors.NotFound):
                await source.detail(nowhere)
        with pytest.raises(errors.SourceError):
            await source.detail(ref.make(source.name, "unicorn", "1"))


async def test_what_it_does_not_have_is_unsupported(here: rig.Rig) -> None:
    async with warm.opened(here) as source:
        (first, *_) = (await source.sample()).entities
        with pytest.raises(errors.Unsupported):
            await source.page(first.ref, "unicorns", plans.Query(), None, 0)
        selection = plans.Selection(refs=(first.ref,))
        with pytest.raises(errors.Unsupported):
            async for _ in source.plan("unicorn.feed", selection, {}, lambda done, total: None):
                pass
        target = plans.Target(ref=first.ref, label="one")
        with pytest.raises(errors.Unsupported):
            await source.apply("unicorn.feed", [target], {}, plans.By(login="asha"))


async def test_cursors_and_filters_that_make_no_sense_are_refused(here: rig.Rig) -> None:
    async with warm.opened(here) as source:
        if not source.describe().collections:
            pytest.skip(f"{here.kind}: describe() has no collections")
        for listing in here.listings():
            for query, cursor in ((plans.Query(), "no cursor"), (plans.Query(text="("), None)):
                with pytest.raises((errors.SourceError, errors.BadRequest)):
                    await source.page(listing.ref, listing.collection, query, cursor, 0)


async def test_a_stopped_server_costs_a_deadline_and_is_heard_again(here: rig.Rig) -> None:
    unless(here, "frozen")
    async with warm.opened(here) as source:
        before = await here.identities(source)
        (first, *_) = (await source.sample()).entities
        with frozen.frozen(here.pid(source)):
            if here.frozen_answer == "raises":
                for ask in (source.sample, lambda: source.detail(first.ref), source.sample):
                    with pytest.raises((TimeoutError, errors.Unreachable)):
                        async with asyncio.timeout(PATIENCE_S):
                            await ask()
            else:
                await waiting.until(lambda: doubted(source), what="an unknown entity")
        await warm.well(source)
        assert await here.identities(source) == before
        assert (await source.detail(first.ref)).entity.ref == first.ref


@pytest.mark.proof
async def test_a_minute_of_silence_is_survived_on_the_same_connections(here: rig.Rig) -> None:
    unless(here, "frozen")
    unless(here, "minute")
    async with warm.opened(here) as source:
        before = await here.identities(source)
        with frozen.frozen(here.pid(source)):
            for _ in range(30):  # as a core asks: every question waits for its deadline of 2 s
                with contextlib.suppress(TimeoutError, errors.Unreachable):
                    async with asyncio.timeout(2):
                        said = await source.sample()
                    levels = {entity.verdict.level for entity in said.entities}
                    assert levels == {base.Level.BAD}  # or it tells that nothing is answered
        await warm.well(source)
        assert await here.identities(source) == before


async def doubted(source: source_base.Source) -> bool:
    return bool(warm.unknown(await source.sample()))


async def test_it_can_be_left_while_its_server_is_stopped(here: rig.Rig) -> None:
    unless(here, "frozen")
    source = await here.open().__aenter__()
    await warm.well(source)
    with frozen.frozen(here.pid(source)):
        with contextlib.suppress(TimeoutError, errors.Unreachable):
            async with asyncio.timeout(0.05):
                await source.sample()
        async with asyncio.timeout(5):
            await source.__aexit__(None, None, None)
    async with warm.opened(here) as another:
        assert (await another.sample()).entities


async def test_a_killed_server_is_told_and_found_again(here: rig.Rig) -> None:
    unless(here, "killed")
    async with warm.opened(here) as source:
        (first, *_) = (await source.sample()).entities
        await asyncio.to_thread(here.kill, source)
        await waiting.until(lambda: in_trouble(source), what="trouble")
        here.spawn()
        await asyncio.to_thread(here.settle)
        await warm.well(source)
        refs = {entity.ref for entity in (await source.sample()).entities}
        assert first.ref in refs


async def in_trouble(source: source_base.Source) -> bool:
    """Whether a sample fails or has an entity that is not fine."""
    try:
        sample = await source.sample()
    except errors.Unreachable:
        return True
    return any(e.verdict.level in (base.Level.BAD, base.Level.UNKNOWN) for e in sample.entities)


async def test_a_server_that_is_away_at_the_start_is_found(here: rig.Rig) -> None:
    unless(here, "killed")
    async with warm.opened(here) as source:
        await asyncio.to_thread(here.kill, source)
    async with asyncio.timeout(5):
        source = await here.open().__aenter__()  # returns although nobody is there
    try:
        here.spawn()
        await asyncio.to_thread(here.settle)
        await warm.well(source)
    finally:
        await source.__aexit__(None, None, None)


async def test_missing_rights_are_said(here: rig.Rig) -> None:
    unless(here, "limited")
    async with here.open(here.limited()) as source:
        with contextlib.suppress(errors.NotPermitted):
            sample = await source.sample()
            assert honest.check(source.name, sample, source_base.utc_now()) is sample
            assert any("needs " in sentence for sentence in source.describe().capabilities)
        for listing in here.listings():
            with contextlib.suppress(errors.NotPermitted):
                page = await source.page(listing.ref, listing.collection, listing.query, None, 0)
                assert page.rows or page.cursor
