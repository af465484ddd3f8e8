"""What a process of ours does not load."""

from __future__ import annotations

import subprocess
import sys

LOOK = """
from mrcore import lean

lean.start()
lean.web()

import sys
from fastapi.openapi import models
from pydantic import BaseModel
from mrcore.mentor import app

print([name for name in lean.UNUSED if sys.modules[name]])
print(BaseModel.model_config, models.Info(title="a", version="1").title)
"""


def test_a_backend_loads_no_client_of_its_own_protocols_and_builds_no_openapi() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", LOOK], capture_output=True, text=True, check=False
    )
    assert done.stdout == "[]\n{} a\n", done.stderr
