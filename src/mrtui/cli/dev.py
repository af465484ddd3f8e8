"""`mrtui dev`: as `demo`, over a stack of your own whose data stays between runs."""

from __future__ import annotations

from mrtui.cli import demo

run = demo.run
