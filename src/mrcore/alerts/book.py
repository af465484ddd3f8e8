"""Every alert of a core: evaluated as sources are sampled, written down before anybody is told.

What is in memory is what is so; the ledger has it a moment later, together with the notices that
it causes. Where the ledger cannot be written it is held, tried again at the next look, and shown
all the same.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta

from mrcore import errors
from mrcore.alerts import finding, hiding, live, memory, telling, track
from mrcore.alerts import rule as rules
from mrcore.alerts import state as states
from mrcore.model import alert, base
from mrcore.model import ref as refs
from mrcore.store import database

SHOWN_MAX = 1_000
GATHER_S = 0.2
"""After a look, what is sampled within this time is looked at together."""

USUAL = timedelta(seconds=5)
"""One look follows another within this time, also where the machine has much to do. Of a longer
time, in which a core was suspended, no more counts for what waits."""

log = logging.getLogger(__name__)

View = Callable[[datetime], live.Live]


class Book:
    """The alerts and silences; `view` makes what rules are asked of, `changed` is told of news."""

    def __init__(
        self,
        known: Mapping[str, rules.Rule],
        ledger: database.Database,
        *,
        view: View,
        now: Callable[[], datetime],
        changed: Callable[[], None],
    ) -> None:
        self.rules = known
        self.silences: dict[int, alert.Silence] = {}
        self.lock = asyncio.Lock()
        self.told: Callable[[], None] = lambda: None
        """Called when notices were written."""
        self.looked_at: datetime | None = None
        """When all rules were asked last, and everything that came of it is written."""
        self.windows: Callable[[datetime], Iterable[alert.Silence]] = lambda now: ()
        """The maintenance windows that go on then."""
        self._memory = memory.Memory(ledger)
        self._view = view
        self._now = now
        self._changed = changed
        self._finders = [finding.Finder(rule) for rule in hiding.ordered(known)]
        self._tracks: dict[finding.Key, track.Track] = {}
        self._around: dict[finding.Key, telling.Around] = {}
        self._made: dict[finding.Key, tuple[track.Track, telling.Around, alert.Alert]] = {}
        self._seen_at = now()
        self._unseen: dict[finding.Key, datetime] = {}
        """Of what the last core knew, and no source has told of yet: since when."""
        self._heard: set[str] = set()
        self._news = asyncio.Event()
        self._loading = asyncio.Lock()
        self._loaded = False

    # What goes on

    def heard(self, source: str) -> None:
        """A source was sampled: what is about it is looked at soon."""
        self._heard.add(source)
        self._news.set()

    async def run(self) -> None:
        """Look whenever something was heard, until cancelled."""
        while True:
            await self._news.wait()
            self._news.clear()
            heard, self._heard = self._heard, set()
            try:
                await self.ready()
                await self.look(None if "core" in heard else heard)
            except errors.StoreError as error:
                log.warning("%s", error)
            await asyncio.sleep(GATHER_S)

    async def ready(self) -> None:
        """Read what the last core knew, once; before that, what fires would be told again.

        Raises StoreError.
        """
        async with self._loading:
            if self._loaded:
                return
            now = self._now()
            known = await self._memory.read(now)
            self._tracks = {each.key: each for each in known.tracks}
            self._put_off(now - (known.looked_at or now))
            self._seen_at = now
            self._unseen = dict.fromkeys(self._tracks, now)
            self.silences = {silence.id: silence for silence in known.silences}
            self._around = {key: self.around(key, now) for key in self._tracks}
            self._loaded = True

    async def look(self, sources: Iterable[str] | None = None) -> None:
        """Ask the rules that are about these sources, or all of them (None).

        Raises StoreError when what has changed could not be written; it is tried again.
        """
        async with self.lock:
            now = self._now()
            view = self._view(now)
            before = dict(self._tracks)
            around = dict(self._around)
            self._put_off(now - self._seen_at - USUAL)
            self._seen_at = now
            wanted = None if sources is None else set(sources)
            for finder in self._finders:
                if wanted is None or self._is_of(finder.rule, view, wanted):
                    for found in finder.find(view, self._tracks):
                        self._step(finder.rule, found, view, now)
            self._end_without_rule(now)
            for number in [n for n, s in self.silences.items() if s.expires_at <= now]:
                del self.silences[number]
            if before != self._tracks or around != self._around:
                self._changed()
            waits = any(states.waits(each.state) for each in self._tracks.values())
            if await self._memory.write(now, waits=waits):
                self.told()
            if wanted is None:
                self.looked_at = now

    def _put_off(self, unseen: timedelta) -> None:
        """What waits goes on from where it was: nobody looked for so long."""
        if unseen <= timedelta(0):
            return
        for key, old in self._tracks.items():
            if states.waits(old.state):
                made = old.model_copy(update={"state": states.later(old.state, unseen)})
                self._tracks[key] = made
                self._memory.keep(made)

    def _is_of(self, rule: rules.Rule, view: live.Live, sources: set[str]) -> bool:
        """Whether a rule is about something that these sources have."""
        return any(
            refs.source_of(entity.ref) in sources
            for kind in rule.kinds
            for entity in view.entities(kind)
        )

    def _step(
        self, rule: rules.Rule, found: finding.Finding, view: live.Live, now: datetime
    ) -> None:
        """What becomes of one alert."""
        old = self._tracks.get(found.key)
        before = old.state if old else states.NEW
        if old is None and found.signal is not states.Signal.TRUE:
            return
        around = self.around(found.key, now)
        timing = track.timing(rule, found.key.about)
        state = self._woken(found, before, now)
        new, notices = telling.step(state, found.signal, timing, around, now, found.why)
        if new is before:
            self._seen(found.key, old, around)
            return
        if old is None or _began(before, new):
            made = track.of(rule, found, new, _said(rule, found, view))
        else:
            made = old.model_copy(update={"state": new, "timing": timing})
        self._keep(made, notices, around, now)

    def _woken(self, found: finding.Finding, state: states.State, now: datetime) -> states.State:
        """Its state: the start of a core and of its sources is no time in which it was seen."""
        if found.signal is states.Signal.UNKNOWN or found.key not in self._unseen:
            return state
        unseen = now - self._unseen.pop(found.key)
        return states.later(state, unseen) if unseen and states.waits(state) else state

    def _seen(self, key: finding.Key, old: track.Track | None, around: telling.Around) -> None:
        if old is not None:
            self._around[key] = around

    def _keep(
        self,
        new: track.Track,
        notices: Iterable[telling.Notice],
        around: telling.Around,
        now: datetime,
    ) -> None:
        """Note a track that is other now, to be written."""
        state = new.state
        at_rest = state.phase is alert.Phase.INACTIVE and not state.turns and not state.owed
        if at_rest:
            self._tracks.pop(new.key, None)
            self._around.pop(new.key, None)
            self._made.pop(new.key, None)
        else:
            self._tracks[new.key] = new
            self._around[new.key] = around
        told = [track.notice(new, each, now) for each in notices]
        self._memory.keep(new, told, at_rest=at_rest)

    def _end_without_rule(self, now: datetime) -> None:
        """What was remembered of rules that are no more has ended."""
        for key, old in list(self._tracks.items()):
            if key.rule not in self.rules:
                around = self.around(key, now)
                quick = old.timing.model_copy(update={"keep_s": 0.0})
                new, notices = telling.step(old.state, states.Signal.FALSE, quick, around, now)
                if new is not old.state:
                    self._keep(old.model_copy(update={"state": new}), notices, around, now)

    def around(self, key: finding.Key, now: datetime) -> telling.Around:
        """What hides an alert now."""
        quiet = (*self.silences.values(), *self.windows(now))
        return hiding.around(key, now, quiet, self._tracks, self.rules)

    def above(self, key: finding.Key) -> finding.Key | None:
        """The alert that this one comes from now, if there is one."""
        above = self._around.get(key, telling.Around()).suppressed_by
        return next((other for other in self._tracks if other.ref == above), None)

    def standing(self, key: finding.Key) -> track.Track | None:
        """What is remembered of an alert that is not at rest."""
        return self._tracks.get(key)

    def runbook(self, rule: str) -> str:
        """The runbook of a rule."""
        return self.rules[rule].runbook if rule in self.rules else ""

    # What is shown and done

    def entities(self) -> list[base.Entity]:
        """Alerts that are not at rest, what fires first, and silences that have not ended."""
        ranked = sorted(self._tracks.values(), key=track.rank)[:SHOWN_MAX]
        shown: list[base.Entity] = [
            self._entity(each) for each in ranked if each.state.phase is not alert.Phase.INACTIVE
        ]
        now = self._now()
        for one in (*self.silences.values(), *self.windows(now)):
            count = self.firing(frozenset((hiding.of(one),))) if hiding.lasts(one, now) else 0
            shown.append(one.model_copy(update={"firing": count}))
        return shown

    def _entity(self, of: track.Track) -> alert.Alert:
        """An alert as it is shown; the one from before where nothing of it has changed."""
        around = self._around.get(of.key, telling.Around())
        kept = self._made.get(of.key)
        if kept is None or kept[0] is not of or kept[1] != around:
            kept = self._made[of.key] = (of, around, track.entity(of, around))
        return kept[2]

    def find(self, ref: base.Ref) -> track.Track | None:
        """The alert of a ref, while it is not at rest."""
        return next((each for key, each in self._tracks.items() if key.ref == ref), None)

    def firing(self, scopes: frozenset[hiding.Scope]) -> int:
        """How many alerts fire that a silence of one of these would be for."""
        fires = (key for key, each in self._tracks.items() if each.state.open)
        return sum(not scopes.isdisjoint(hiding.over(key)) for key in fires)

    async def turn(self, old: track.Track, new: states.State) -> None:
        """Write that somebody has changed an alert, then let it be so. The lock is held.

        Raises StoreError; then nothing has changed.
        """
        made = old.model_copy(update={"state": new})
        await self._memory.write_at_once(made)
        self._tracks[made.key] = made
        self._changed()

    def hush(self, silence: alert.Silence, now: datetime) -> None:
        """Know a silence as it is in the ledger now."""
        if silence.expires_at > now:
            self.silences[silence.id] = silence
        else:
            self.silences.pop(silence.id, None)
        self._around = {key: self.around(key, now) for key in self._tracks}
        self._changed()


def _began(before: states.State, after: states.State) -> bool:
    """Whether it became true, or fired, between these: what it says is of then."""
    beginnings = (alert.Phase.PENDING, alert.Phase.FIRING)
    return after.phase is not before.phase and after.phase in beginnings


def _said(rule: rules.Rule, found: finding.Finding, view: live.Live) -> str:
    if found.key.about == "nodata":
        return f"{rule.id} cannot tell: {found.why}"
    if found.key.about == "error":
        return f"{rule.id} cannot be reckoned: {found.why}"
    return rule.say(view, found.entity)
