"""`python -m mrtui` is the `mrtui` command."""

import sys

from mrtui.cli import main

sys.exit(main())
