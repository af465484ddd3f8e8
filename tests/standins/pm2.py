#!/usr/bin/env -S python3 -I -S
"""pm2: `jlist` and `restart` as pm2 7.0 answers, one app of two instances; recorded, not run
here."""

import json
import sys
from pathlib import Path

FILE = Path(__file__).with_name("pm2.json")

now = json.loads(FILE.read_text())
verb, name = sys.argv[1], sys.argv[-1]
if now["refuses"]:
    sys.stderr.write("Error: connect EACCES /home/ubuntu/.pm2/rpc.sock\n")
    sys.exit(1)
if verb == "jlist":
    up = now["state"] == "up"
    sys.stdout.write(">>>> In-memory PM2 is out-of-date, do:\n>>>> $ pm2 update\n")
    env = {
        "status": "online" if up else "errored",
        "pm_uptime": now["started_s"] * 1000,
        "restart_time": now["restarts"],
        "version": "2.4.1",
        "exec_mode": "cluster_mode",
        "DB_PASSWORD": "s3cr3t-in-env",
    }
    apps = [
        {"pid": now["pid"] if up else 0, "name": "api", "pm2_env": env, "pm_id": 0},
        {"pid": now["pid"] + 100_000, "name": "api", "pm2_env": env | {"status": "online"}},
        {"pid": 4_199_999, "name": "other", "pm2_env": env, "pm_id": 2},
    ]
    sys.stdout.write(json.dumps(apps))
elif name != "api":
    sys.stderr.write(f"[PM2][ERROR] Process or Namespace {name} not found\n")
    sys.exit(1)
else:
    later = {"started_s": now["started_s"] + 60, "restarts": now["restarts"] + 1}
    now.update(pid=now["pid"] + 1, state="up", **later)
    FILE.write_text(json.dumps(now))
    sys.stdout.write("[PM2] Applying action restartProcessId on app [api](ids: [ 0, 1 ])\n")
