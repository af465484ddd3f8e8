"""Mr. Mentor's own application as a process: argv has its port, and a file of what it is told."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from mrcore import lean

if __name__ == "__main__":
    lean.start()
    lean.web()
    # Only then, as in `mrcore backend`.
    import uvicorn

    from mrcore.mentor import app

    made = app.create("blue", json.loads(Path(sys.argv[2]).read_text()), health_interval_s=0.1)
    uvicorn.run(made, host="127.0.0.1", port=int(sys.argv[1]), log_config=None, access_log=False)
