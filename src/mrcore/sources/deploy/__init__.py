"""Kind `deploy`: units that a tool of the production runs, and colours behind a switch.

```toml
[sources.deploy]
kind = "deploy"
current = "/srv/app/.current_env"       # names the live colour

[sources.deploy.units.worker]
adapter = "systemd"
unit = "mr-worker.service"

[sources.deploy.colours.green]
unit = "api-green"                      # one of the units above, if there is one
health = "http://127.0.0.1:8082/api/health"

[sources.deploy.switch]                 # run only while its content is this
adapter = "script"
argv = ["/srv/app/switch.sh", "{colour}"]
sha256 = "…"
```
"""

from __future__ import annotations

from mrcore.sources import base
from mrcore.sources.deploy import source
from mrcore.sources.deploy.settings import Settings

__all__ = ["Settings", "open_source"]


def open_source(name: str, settings: Settings, *, now: base.Now) -> base.Source:
    """The source of one deployment.

    Raises SettingsError for a unit that cannot be built or a colour whose unit is not there.
    """
    return source.Deploy(name, settings, now=now)
