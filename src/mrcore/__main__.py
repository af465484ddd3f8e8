"""`python -m mrcore` is the `mrcore` command."""

from mrcore.cli import main

main()
