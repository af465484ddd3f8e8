#!/usr/bin/env -S python3 -I -S
"""kubectl: `get`, `rollout restart`, `rollout status` and `auth can-i` as 1.34 answers; recorded,
not run here."""

import json
import sys
import time
from pathlib import Path

FILE = Path(__file__).with_name("kubectl.json")
USER = "system:serviceaccount:ops:mrcore"

now = json.loads(FILE.read_text())
words = [word for word in sys.argv[1:] if not word.startswith("--")]
words = [word for word in words if word not in ("prod", "east")]
verb, name = words[0], words[-1].rpartition("/")[2]
if name != "api":
    sys.stderr.write(f'Error from server (NotFound): deployments.apps "{name}" not found\n')
    sys.exit(1)
if verb == "auth":
    sys.stdout.write("no\n" if now["refuses"] else "yes\n")
    sys.exit(int(now["refuses"]))
if verb == "get":
    up = now["state"] == "up"
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now["started_s"]))
    revision = {"deployment.kubernetes.io/revision": str(now["restarts"] + 1)}
    progress = {"type": "Progressing", "status": "True" if up else "False", "lastUpdateTime": at}
    progress["message"] = f'ReplicaSet "{name}-5d5" ' + ("is done." if up else "has timed out.")
    pods = {"containers": [{"name": "api", "image": "mentor/api:2026.03.1"}]}
    found = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "prod", "annotations": revision},
        "spec": {"replicas": 2, "template": {"spec": pods}},
        "status": {
            "replicas": 2,
            "readyReplicas": 2 if up else 0,
            "updatedReplicas": 2,
            "conditions": [progress],
        },
    }
    json.dump(found, sys.stdout, indent=4)
elif now["refuses"]:
    sys.stderr.write(
        f'error: failed to patch: deployments.apps "{name}" is forbidden: User "{USER}" cannot '
        'patch resource "deployments" in API group "apps" in the namespace "prod"\n'
    )
    sys.exit(1)
elif words[:2] == ["rollout", "restart"]:
    later = {"started_s": now["started_s"] + 60, "restarts": now["restarts"] + 1}
    now.update(state="up", **later)
    FILE.write_text(json.dumps(now))
    sys.stdout.write(f"deployment.apps/{name} restarted\n")
else:
    sys.stdout.write(f'deployment "{name}" successfully rolled out\n')
