#!/usr/bin/env -S python3 -I -S
"""sudo -n: runs what follows, lists it (-l), or refuses as sudo 1.9 does; recorded, not run
here."""

import json
import os
import sys
from pathlib import Path

if json.loads(Path(__file__).with_name("sudo.json").read_text())["refuses"]:
    sys.stderr.write("sudo: a password is required\n")
    sys.exit(1)
assert sys.argv[1] == "-n"
if sys.argv[2] == "-l":
    sys.stdout.write(" ".join(sys.argv[3:]) + "\n")
    sys.exit(0)
os.execv(sys.argv[2], sys.argv[2:])
