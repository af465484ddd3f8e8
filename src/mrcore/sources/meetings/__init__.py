"""Kind `meetings`: rooms by the signalling in backends' logs, and what their browsers need.

A source of its own, not a part of `backend`: a health check asks one URL and must never wait for
a log or for a relay, whose servers are others; and logs are all that production tells of sockets.

```toml
[sources.meetings]
kind = "meetings"
url = "https://api.example"             # a handshake there, as a page of each origin makes it
origins = ["https://app.example"]

[sources.meetings.logs]
blue = "/var/log/mentor/blue.log"

[sources.meetings.turn.main]
url = "turn:turn.example:3478"
user = "browser"
password = "…"
```
"""

from __future__ import annotations

from mrcore.sources import base
from mrcore.sources.meetings import source
from mrcore.sources.meetings.settings import Settings

__all__ = ["Settings", "open_source"]


def open_source(name: str, settings: Settings, *, now: base.Now) -> base.Source:
    """The source of one backend's meetings."""
    return source.Meetings(name, settings, now=now)
