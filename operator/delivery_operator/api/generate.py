"""Writes what is generated from the models, or checks that it is in step (`make generate`, `make check`)."""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

import yaml

from delivery_operator.api.base import GROUP
from delivery_operator.api.crd import DEFINITIONS, crd
from delivery_operator.api.policy import policy

HEADER = "# Generated from operator/delivery_operator/api by `make generate`. Do not edit.\n"
# The chart needs its own copy: Helm reads no file outside a chart's folder.
FOLDERS = (Path("crds"), Path("charts/delivery-operator/files/crds"))
POLICY_FOLDERS = (Path("crds/policy"), Path("charts/delivery-operator/files/policy"))


def outputs() -> dict[Path, str]:
    """Every generated file, relative to the repository's root, with the text it should have."""
    files = {}
    for definition in DEFINITIONS:
        text = HEADER + yaml.safe_dump(crd(definition), sort_keys=False, allow_unicode=True, width=120)
        for folder in FOLDERS:
            files[folder / f"{GROUP}_{definition.plural}.yaml"] = text
    text = HEADER + yaml.safe_dump_all(policy(), sort_keys=False, allow_unicode=True, width=120)
    for folder in POLICY_FOLDERS:
        files[folder / f"{GROUP}_policy.yaml"] = text
    return files


def bring_into_step(files: Mapping[Path, str], root: Path, *, check: bool) -> int:
    """Write files whose text is not what it should be, or only name them; returns the exit code.

    Args:
        files: path, relative to the root, to text.
        root: the repository's root.
        check: change nothing, and return 1 when a file is out of step.
    """
    stale = [path for path, text in files.items() if not _holds(root / path, text)]
    for path in stale:
        sys.stdout.write(f"{'out of step' if check else 'written'}: {path}\n")
        if not check:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(files[path])
    if check and stale:
        sys.stdout.write("run `make generate` and commit what it writes\n")
        return 1
    return 0


def _holds(path: Path, text: str) -> bool:
    return path.exists() and path.read_text() == text


def main() -> int:
    """Write the files, or with --check name the ones that differ; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m delivery_operator.api.generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 when a file is out of step")
    parser.add_argument("--root", type=Path, default=Path(), help="the repository's root (default: here)")
    arguments = parser.parse_args()
    return bring_into_step(outputs(), arguments.root, check=arguments.check)


if __name__ == "__main__":
    raise SystemExit(main())
