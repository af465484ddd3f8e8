"""Facts that runbooks ask for and no source says yet: they have no data until one does.

A metric or fact of the same name takes its place; what is left here is not watched.
"""

from __future__ import annotations

from datetime import datetime

from mrcore.expr import facts


def _nobody(entity: object, now: datetime) -> None:
    """No data."""


_ROWS: tuple[tuple[str, str, str, str], ...] = (
    # id, kind, unit, label
    ("upstream.status", "upstream", "", "HTTP status of its probe"),
    ("upstream.auth_ok", "upstream", "truth", "whether it takes our credentials"),
    ("upstream.code", "upstream", "text", "the code of its verdict"),
    ("upstream.why", "upstream", "text", "the sentence of its verdict"),
    ("smtp.auth", "smtp", "", "SMTP's answer to a login: 235 is yes"),
    ("smtp.why", "smtp", "text", "the sentence of its verdict"),
    ("webhook.last_s", "webhook", "s", "since the last one arrived"),
    ("webhook.status", "webhook", "", "HTTP status of an unsigned request at its URL"),
    ("webhook.code", "webhook", "text", "the code of its verdict"),
    ("payment.captured", "payment", "truth", "whether the provider has the money"),
    ("payment.grants", "payment", "", "what was granted for it"),
    ("payment.invoices", "payment", "", "invoices for it"),
    ("payment.audited_s", "payment", "s", "since its newest row in gst_audit_log"),
    ("payment.code", "payment", "text", "the code of its verdict"),
    ("cache.age_s", "cache", "s", "since it was computed"),
    ("cache.equal", "cache", "truth", "whether it is what SQL says"),
    ("exotel.status", "exotel", "", "HTTP status of its account on the configured cluster"),
    ("exotel.code", "exotel", "text", "the code of its verdict: unset, wrong_cluster, …"),
    ("exotel.why", "exotel", "text", "the sentence of its verdict"),
    ("secret.stale", "secret", "truth", "whether a process runs with an older version"),
    ("deploy.code", "deploy", "text", "what its preflight says against a rollback"),
    ("deploy.why", "deploy", "text", "the sentence of that"),
    ("meeting.code", "meeting", "text", "the code of its verdict"),
    ("meeting.state", "meeting", "text", "no_join, no_answer, no_ice or connected"),
    ("meeting.why", "meeting", "text", "the sentence of its verdict"),
    ("meeting.paired_s", "meeting", "s", "since its last offer and answer"),
    ("meeting.takeovers", "meeting", "", "tabs taken over by another"),
    ("meeting.stuck", "signalling", "", "rooms whose peers do not find each other"),
    ("origin.ok", "origin", "truth", "whether its pages get a socket"),
    ("origin.why", "origin", "text", "the sentence of its verdict"),
    ("turn.ok", "turn", "truth", "whether it binds or relays"),
    ("turn.why", "turn", "text", "the sentence of its verdict"),
)

FACTS: dict[str, facts.Fact] = {
    name: facts.Fact(name, kind, unit, label, _nobody) for name, kind, unit, label in _ROWS
}
