#!/usr/bin/env -S python3 -I -S
"""systemctl: `show` and `restart` as systemd 252 answers; recorded, not run here."""

import json
import sys
import time
from pathlib import Path

FILE = Path(__file__).with_name("systemctl.json")
SHOWN = """LoadState=loaded
ActiveState={active}
SubState={sub}
Result={result}
MainPID={pid}
ExecMainStartTimestamp={at}
NRestarts={restarts}
StatusText=
"""
NONE = """LoadState=not-found
ActiveState=inactive
SubState=dead
Result=success
MainPID=0
ExecMainStartTimestamp=
NRestarts=0
StatusText=
"""

now = json.loads(FILE.read_text())
verb, unit = sys.argv[1], sys.argv[-1]
if verb == "show":
    if unit != "mr-worker.service":
        sys.stdout.write(NONE)
        sys.exit(0)
    up = now["state"] == "up"
    at = time.strftime("%a %Y-%m-%d %H:%M:%S UTC", time.gmtime(now["started_s"]))
    active, sub, result = ("active", "running", "success") if up else ("failed",) * 2 + ("signal",)
    pid = now["pid"] if up else 0
    shown = {"active": active, "sub": sub, "result": result, "pid": pid, "at": at}
    sys.stdout.write(SHOWN.format(**shown, restarts=0))
elif verb == "restart" and now["refuses"]:
    sys.stderr.write(f"Failed to restart {unit}: Interactive authentication required.\n")
    sys.stderr.write(f"See system logs and 'systemctl status {unit}' for details.\n")
    sys.exit(1)
elif verb == "restart":
    now.update(pid=now["pid"] + 1, started_s=now["started_s"] + 60, state="up")
    FILE.write_text(json.dumps(now))
else:
    sys.stderr.write(f"Unknown command verb {verb}.\n")
    sys.exit(1)
