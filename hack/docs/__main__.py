"""`python -m docs` writes the generated pages; with --check it names those that are out of step (`make generate`)."""

import argparse
import sys
from pathlib import Path

from delivery_operator.api.generate import bring_into_step
from docs.reference import outputs
from docs.requirements import BadRequirements


def main() -> int:
    """Return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m docs", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 when a page is out of step")
    arguments = parser.parse_args()
    try:
        pages = outputs()
    except BadRequirements as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return bring_into_step(pages, Path(), check=arguments.check)


if __name__ == "__main__":
    raise SystemExit(main())
