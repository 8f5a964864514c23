"""`python -m docs` writes the generated pages; with --check it names those that are out of step (`make generate`)."""

import argparse
from pathlib import Path

from delivery_operator.api.generate import bring_into_step
from docs.reference import outputs


def main() -> int:
    """Return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m docs", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 when a page is out of step")
    arguments = parser.parse_args()
    return bring_into_step(outputs(), Path(), check=arguments.check)


if __name__ == "__main__":
    raise SystemExit(main())
