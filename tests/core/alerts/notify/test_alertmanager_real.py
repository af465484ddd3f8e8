"""A real Alertmanager takes ours: said, read back at /api/v2/alerts, told further, resolved.

Where `prometheus-alertmanager` (or MR_ALERTMANAGER, or `alertmanager`) is not on the machine it is
skipped; the stand-in in test_channels stays.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from mrcore.alerts import notify
from mrcore.alerts.notify import channel
from mrcore.stack import services
from tests import waiting
from tests.core.alerts.notify import hooks, test_channels

NAMES = ("prometheus-alertmanager", "alertmanager")
BINARY = os.environ.get("MR_ALERTMANAGER") or next(filter(None, map(shutil.which, NAMES)), None)
CONFIG = """
route: {{receiver: hook, group_by: [alertname], group_wait: 0s, group_interval: 1s}}
receivers: [{{name: hook, webhook_configs: [{{url: "{url}", send_resolved: true}}]}}]
"""

pytestmark = pytest.mark.skipif(
    BINARY is None,
    reason="NO REAL ALERTMANAGER HERE: put prometheus-alertmanager on PATH, or its path into"
    " MR_ALERTMANAGER; only the stand-in was asked",
)


@pytest.fixture
def hook() -> Iterator[hooks.Server]:
    with hooks.serving() as server:
        yield server


@pytest.fixture
async def there(hook: hooks.Server, tmp_path: Path) -> Any:
    """The URL of a real one that tells `hook`; it ends with the test."""
    config, log = tmp_path / "alertmanager.yml", tmp_path / "alertmanager.log"
    config.write_text(CONFIG.format(url=hook.url))
    url = f"http://127.0.0.1:{services.free_port()}"
    argv = (
        str(BINARY), f"--config.file={config}", f"--storage.path={tmp_path / 'data'}",
        f"--web.listen-address={url.removeprefix('http://')}", "--cluster.listen-address=",
    )  # fmt: skip
    with log.open("wb") as out, subprocess.Popen(argv, stdout=out, stderr=out) as process:
        try:

            def ready() -> bool:
                assert process.poll() is None, log.read_text()
                try:
                    return httpx.get(f"{url}/-/ready", trust_env=False).status_code == 200
                except httpx.TransportError:
                    return False

            await waiting.until(ready, what="Alertmanager")
            yield url
        finally:
            process.terminate()


def listed(url: str) -> list[dict[str, Any]]:
    answer = httpx.get(f"{url}/api/v2/alerts", trust_env=False)
    assert answer.status_code == 200
    found: list[dict[str, Any]] = answer.json()
    return found


def heard(hook: hooks.Server) -> list[tuple[str, str]]:
    """What it told further: (status, instance)."""
    told = [each for got in hook.got for each in json.loads(got.body)["alerts"]]
    return [(each["status"], each["labels"]["instance"]) for each in told]


async def test_a_real_alertmanager_takes_ours_knows_it_again_and_resolves_it(
    there: str, hook: hooks.Server
) -> None:
    at = datetime.now(UTC)
    table = {"kind": "alertmanager", "url": there, "resend_s": 60, "labels": {"team": "core"}}
    ops = notify.build("ops", table, lambda: datetime.now(UTC)).channel
    assert isinstance(ops, channel.Resending)
    facts: dict[str, Any] = {"at": at, "fired_at": at}
    await ops.send(test_channels.told(test_channels.item(**facts)))
    (one,) = listed(there)
    assert one["labels"] == {
        "alertname": "redis_wedged",
        "severity": "P1",
        "instance": "redis/node/main",
        "job": "redis",
        "mr_alert": "core/alert/redis_wedged/main",
        "team": "core",
    }
    assert one["annotations"]["diagnosis"] == "memory is full"
    assert one["annotations"]["runbook"] == "J"
    ends = datetime.fromisoformat(one["endsAt"])
    assert at + timedelta(seconds=170) < ends
    await waiting.until(lambda: heard(hook), what="that it told further")
    await ops.resend([test_channels.item(**facts)])
    (again,) = listed(there)
    assert again["fingerprint"] == one["fingerprint"]
    assert again["annotations"] == one["annotations"]
    over = datetime.now(UTC)
    ended = test_channels.item("resolved", at=over, fired_at=at)
    await ops.send(test_channels.told(ended))
    await waiting.until(lambda: listed(there) == [], what="that it is resolved")
    wanted = [("firing", "redis/node/main"), ("resolved", "redis/node/main")]
    await waiting.until(lambda: list(dict.fromkeys(heard(hook))) == wanted, what="its end")
