"""`python -m stand_ins` is the same as `stand-ins`."""

from stand_ins.cli import main

main()
