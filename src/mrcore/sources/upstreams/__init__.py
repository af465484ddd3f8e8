"""Kind `upstreams`: services outside, probed without spending money.

```toml
[sources.upstreams]
kind = "upstreams"
dsn = "postgresql://watcher@db.internal/app"     # what the backend counted; may be left out

[sources.upstreams.probes.graphy]
url = "https://api.graphy.com/public/v1/account"
headers = { x-api-key = "{GRAPHY_KEY}" }         # of the core's environment, or of the secret

[sources.upstreams.probes.exotel]
url = "https://{EXOTEL_SUBDOMAIN}/v1/Accounts/{EXOTEL_SID}"
alternates = ["https://api.exotel.com/v1/Accounts/{EXOTEL_SID}"]
user = "{EXOTEL_API_KEY}"
password = "{EXOTEL_API_TOKEN}"

[sources.upstreams.probes.smtp]
form = "smtp"
url = "smtp://smtp.gmail.com:587"
user = "{EMAIL_USER}"
password = "{EMAIL_PASS}"
```
"""

from __future__ import annotations

from mrcore.sources import base
from mrcore.sources.upstreams import source
from mrcore.sources.upstreams.settings import Settings

__all__ = ["Settings", "open_source"]


def open_source(name: str, settings: Settings, *, now: base.Now) -> base.Source:
    """The source of one deployment's services."""
    return source.Upstreams(name, settings, now=now)
