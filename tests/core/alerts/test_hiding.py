"""What hides an alert that has a cause: a cause of the same thing, where the rule says of which."""

from __future__ import annotations

import pytest

from mrcore.alerts import finding, hiding, rule, state, track
from mrcore.model import alert
from tests.core.expr import recorded

KNOWN = rule.read(rule.shipped(), "rules.toml")


def _fires(rule_id: str, subject: str) -> track.Track:
    return track.Track(
        rule=rule_id,
        about="condition",
        subject=subject,
        severity=KNOWN[rule_id].severity,
        state=state.State(phase=alert.Phase.FIRING),
    )


@pytest.mark.parametrize(
    ("of", "subject", "hidden"),
    [
        ("health_503", "backend/check/blue", True),
        ("health_503", "backend/check/green", False),
        ("colour_live_unhealthy", "deploy/colour/blue", True),
        ("colour_live_unhealthy", "deploy/colour/green", False),
        ("worker_silent", "huey/worker/w1", False),
        ("backend_blind", "core/source/slots", True),
        ("collector_blind", "core/source/pg", False),
        ("secret_stale", "upstreams/secret/worker", True),
    ],
)
def test_a_backend_that_begins_anew_hides_what_comes_of_it_alone(
    of: str, subject: str, hidden: bool
) -> None:
    cause = _fires("process_restarts", "stack/process/backend-blue")
    key = finding.Key(of, "condition", subject)
    found = hiding.around(key, recorded.T0, (), {cause.key: cause}, KNOWN)
    assert (found.suppressed_by == cause.key.ref) is hidden
