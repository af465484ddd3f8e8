"""Services outside: whether they take our credentials, tell us of events, and what is settled."""

from __future__ import annotations

from mrcore.model.base import Entity, Instant, Ref


class Upstream(Entity):
    """One service and what its last probe came to; the latency of a probe is a point.

    `status_code` is of HTTP or SMTP; `auth_ok` is None where nothing was said of the credential.
    `calls` are the backend's own of the last 10 minutes, of which so many were `refused` (401, 403,
    535), `limited` (429) or `failed` (5xx, or no answer). `schedule` is the one whose jobs ask it.
    """

    KIND = "upstream"

    name: str
    form: str = "http"
    target: str = ""
    schedule: Ref = ""
    status_code: int | None = None
    auth_ok: bool | None = None
    probed_at: Instant | None = None
    last_call_at: Instant | None = None
    calls: int = 0
    refused: int = 0
    limited: int = 0
    failed: int = 0
    credential_since: Instant | None = None


class Webhook(Entity):
    """One provider's webhooks: when the last came, how many in the last hour."""

    KIND = "webhook"

    name: str
    last_at: Instant | None = None
    last_hour: int = 0
    late_at: Instant | None = None
    """When the last came that told of an order of more than 10 minutes before."""
    late_times: int = 0
    """How often that one was sent."""
    usual_gap_s: float | None = None
    """In 999 of 1,000 cases the next came within this time, in this hour of the day, of 4 weeks."""
    unanswered: int = 0
    """Orders that were created more than 10 minutes ago, however long, and not told of.

    Without those of which Razorpay says that nobody has paid them.
    """


class Payments(Entity):
    """What captured payments led to, counted."""

    KIND = "payment"

    name: str
    without_invoice: int = 0
    without_grant: int = 0
    double_grants: int = 0
    unproven: int = 0
    """Captured within the last hour, and without its grant, its invoice or its GST trail."""


class Order(Entity):
    """One order that was not settled: no webhook told of it, or it has no grant or no invoice.

    `state` is created, captured, failed or refunded; `payment_id` is empty while none was told.
    """

    KIND = "order"

    name: str
    amount_paise: int
    created_at: Instant
    state: str
    payment_id: str = ""
    granted: bool = False
    invoiced: bool = False


class Secret(Entity):
    """Which version of a secret a process began with, and which the manager has; never a value."""

    KIND = "secret"

    name: str
    secret: str
    version: str = ""
    current: str = ""
    stale: bool = False
    read_at: Instant | None = None
    changed_at: Instant | None = None
