"""A pool of connections for what waits in threads, as huey does; by the same URL as a source's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import redis
import redis.connection as wire
from redis import sentinel
from redis.backoff import ExponentialBackoff, NoBackoff
from redis.retry import Retry

from mrcore import errors
from mrcore.sources.redis import address

SENTINEL_S = 1.0
"""How long one Sentinel may take before the next one is asked."""


def of(url: str, what: str) -> redis.ConnectionPool:
    """Connects when it is first used; through Sentinels, to the primary of that moment.

    Raises SettingsError that names the setting `what`, for what is no URL and for a Cluster.
    """
    try:
        place = address.parse(url, wire.parse_url)
    except ValueError as error:
        raise errors.SettingsError(f"{what} {error}.") from None
    if place.way is address.Way.CLUSTER:
        raise errors.SettingsError(
            f"{what} names a Cluster, and huey does not run on one.",
            fix="Name one server, or Sentinels: redis+sentinel://host:port,host:port/service.",
        )
    if place.way is address.Way.ONE:
        return plain(**place.options)
    watching = sentinel.Sentinel(  # type: ignore[no-untyped-call]
        list(place.nodes),
        sentinel_kwargs={**_tls(place.sentinel_options), "socket_timeout": SENTINEL_S},
    )
    # Not tried again below: who asks knows whether it may be done twice.
    retry = Retry(ExponentialBackoff(), 0)
    client: redis.Redis = watching.master_for(  # type: ignore[no-untyped-call]
        place.service, retry=retry, **_tls(place.options)
    )
    return client.connection_pool


def plain(**options: Any) -> redis.ConnectionPool:
    """A pool for one address, which may lead to another server after a failover.

    A connection to what has become a replica stands, and would refuse every write (READONLY) for
    ever: it is closed, and the next one goes where the address leads now. The refused command is
    not tried again: who asked knows whether it may be done twice.
    """
    retry = Retry(NoBackoff(), 0)
    return redis.ConnectionPool(retry=retry, retry_on_error=[redis.ReadOnlyError], **options)


def _tls(options: Mapping[str, Any]) -> dict[str, Any]:
    """Sentinel's clients choose the class of their connections by `ssl`."""
    made = dict(options)
    if made.pop("connection_class", None) is wire.SSLConnection:
        made["ssl"] = True
    return made
