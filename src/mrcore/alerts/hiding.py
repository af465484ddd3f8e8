"""Why nobody is told of an alert now: a silence, or an alert that it comes from. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from mrcore.alerts import finding, telling, track
from mrcore.alerts import rule as rules
from mrcore.model import alert, base

Tracks = Mapping[finding.Key, track.Track]
Scope = tuple[str, base.Ref]
"""A rule, or `*` for all, and a subject, or `""` for all."""


def around(
    key: finding.Key,
    now: datetime,
    silences: Iterable[alert.Silence],
    tracks: Tracks,
    known: Mapping[str, rules.Rule],
) -> telling.Around:
    """What hides an alert now."""
    silence = next((each for each in silences if hides(each, key, now)), None)
    return telling.Around(silence.ref if silence else "", _suppressed(key, tracks, known))


def hides(silence: alert.Silence, key: finding.Key, now: datetime) -> bool:
    """Whether a silence is for this alert, and has begun and not ended."""
    return lasts(silence, now) and of(silence) in over(key)


def lasts(silence: alert.Silence, now: datetime) -> bool:
    """Whether a silence has begun and not ended."""
    return silence.starts_at <= now < silence.expires_at


def of(silence: alert.Silence) -> Scope:
    """What a silence is of."""
    return silence.rule, silence.subject


def over(key: finding.Key) -> tuple[Scope, ...]:
    """What a silence may be of to be for this alert."""
    return ("*", ""), ("*", key.subject), (key.rule, ""), (key.rule, key.subject)


def _suppressed(key: finding.Key, tracks: Tracks, known: Mapping[str, rules.Rule]) -> base.Ref:
    """The alert that this one comes from: one that its rule depends on, or a source away.

    What a rule depends on is why it has no data, too; that it is wrong itself is nobody else's.
    """
    if key.about == "nodata":
        blind = (finding.Key(rule, "condition", key.subject) for rule in rules.BLIND)
        if away := next((each.ref for each in blind if _goes_on(tracks.get(each))), ""):
            return away
    named = known[key.rule].depends_on if key.rule in known else ()
    if key.about == "error" or not named:
        return ""
    for other, each in tracks.items():
        of_it = (c for c in named if c.rule == other.rule and c.is_of(other.subject, key.subject))
        if other.about == "condition" and _goes_on(each) and any(of_it):
            return other.ref
    return ""


def _goes_on(each: track.Track | None) -> bool:
    """Whether an alert fires, or may soon: then what comes from it waits to be told."""
    return each is not None and (each.state.open or each.state.phase is alert.Phase.PENDING)


def ordered(known: Mapping[str, rules.Rule]) -> list[rules.Rule]:
    """What others depend on comes first, so that it suppresses them from its first look on."""
    made: dict[str, rules.Rule] = {}

    def add(rule: rules.Rule) -> None:
        for other in rule.depends_on:
            add(known[other.rule])
        made.setdefault(rule.id, rule)

    for blind in (rule for rule in known.values() if rule.id in rules.BLIND):
        add(blind)
    for rule in known.values():
        add(rule)
    return list(made.values())
