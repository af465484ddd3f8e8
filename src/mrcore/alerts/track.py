"""What is remembered of one alert, as it is written down and as it is shown."""

from __future__ import annotations

from mrcore.alerts import finding, summary, telling
from mrcore.alerts import rule as rules
from mrcore.alerts import state as states
from mrcore.model import alert, base
from mrcore.store import alerts as store

_LEVELS = {
    alert.Severity.P1: base.Level.BAD,
    alert.Severity.P2: base.Level.WARN,
    alert.Severity.P3: base.Level.WARN,
    alert.Severity.INFO: base.Level.OK,
}


class Track(base.Frozen):
    """An alert that is not at rest: what it is of, and its state.

    `name` and `summary` are of when it became true, and fired: what is shown does not change at
    every sample, and can be shown after a restart.
    """

    rule: str
    about: alert.About
    subject: base.Ref
    severity: alert.Severity
    name: str = ""
    summary: str = ""
    expr: str = ""
    runbook: str = ""
    timing: states.Timing = states.Timing()
    state: states.State = states.NEW

    @property
    def key(self) -> finding.Key:
        """Which of all it is."""
        return finding.Key(self.rule, self.about, self.subject)


def of(rule: rules.Rule, found: finding.Finding, state: states.State, said: str) -> Track:
    """A track of a rule; no data and mistakes have a timing and a severity of their own."""
    condition = found.key.about == "condition"
    severity = rule.severity
    if not condition and severity is alert.Severity.P1:
        severity = alert.Severity.P2
    return Track(
        rule=rule.id,
        about=found.key.about,
        subject=found.key.subject,
        severity=severity,
        name=summary.name_of(found.entity) or base_name(found.key.subject),
        summary=said,
        expr=rule.expr.text,
        runbook=rule.runbook if condition else "",
        timing=timing(rule, found.key.about),
        state=state,
    )


def timing(rule: rules.Rule, about: alert.About) -> states.Timing:
    """How long it waits."""
    if about == "condition":
        return rule.timing
    for_s = rules.NODATA_FOR_S if about == "nodata" else 0.0
    alone = {"for_s": for_s, "keep_s": 0.0, "escalate_s": 0.0}
    return rule.timing.model_copy(update=alone)


def base_name(subject: base.Ref) -> str:
    """What is left of a ref whose entity is not seen."""
    return subject.rsplit("/", 1)[-1]


def notice(track: Track, told: telling.Notice, now: base.Instant) -> store.Notice:
    """A notification as it is written down."""
    fired = track.state.fired_at
    return store.Notice(
        alert=track.key.ref,
        fired_at=fired.isoformat() if fired else "",
        at=now.isoformat(),
        kind=told.kind.value,
        why=told.why,
        severity=track.severity.value,
        summary=track.summary,
    )


def entity(track: Track, around: telling.Around) -> alert.Alert:
    """An alert as it is shown."""
    state, ack = track.state, track.state.ack
    return alert.Alert(
        ref=track.key.ref,
        verdict=_verdict(track),
        actions=_actions(track, around),
        rule=track.rule,
        about=track.about,
        severity=track.severity,
        phase=state.phase,
        subject=track.subject,
        name=track.name,
        summary=track.summary,
        expr=track.expr,
        runbook=track.runbook,
        since=state.pending_at,
        fired_at=state.fired_at,
        resolved_at=state.resolved_at,
        told_at=state.told_at,
        told_why=state.told_why,
        escalated_at=state.escalated_at,
        flapping_at=state.flapping_at,
        hidden=around.hidden if state.open else "",
        silenced_by=around.silenced_by,
        suppressed_by=around.suppressed_by if state.open else "",
        acked_by=ack.login if ack else "",
        acked_until=ack.until if ack else None,
        ack_note=ack.note if ack else "",
    )


def rank(track: Track) -> tuple[int, str, str]:
    """Where it stands among others: what fires first, the most severe before."""
    return _PHASES.index(track.state.phase), track.severity.value, track.key.ref


_PHASES = (
    alert.Phase.FIRING,
    alert.Phase.RECOVERING,
    alert.Phase.PENDING,
    alert.Phase.RESOLVED,
    alert.Phase.INACTIVE,
)


def _verdict(track: Track) -> base.Verdict:
    """Of what fires or recovers; what waits or has resolved is no trouble."""
    if not track.state.open:
        return base.OK
    return base.Verdict(level=_LEVELS[track.severity], code=track.rule, why=track.summary)


def _actions(track: Track, around: telling.Around) -> tuple[base.ActionId, ...]:
    if not track.state.open:
        return ("alert.silence",) if not around.silenced_by else ()
    acked = "alert.unack" if track.state.ack else "alert.ack"
    return (acked,) if around.silenced_by else (acked, "alert.silence")
