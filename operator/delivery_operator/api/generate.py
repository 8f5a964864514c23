"""Writes what is generated from the models, or checks that it is in step (`make generate`, `make check`)."""

import argparse
import sys
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


def main() -> int:
    """Write the files, or with --check name the ones that differ; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m delivery_operator.api.generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 when a file is out of step")
    parser.add_argument("--root", type=Path, default=Path(), help="the repository's root (default: here)")
    arguments = parser.parse_args()
    stale = []
    for path, text in outputs().items():
        target = arguments.root / path
        if target.exists() and target.read_text() == text:
            continue
        stale.append(path)
        if not arguments.check:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
    for path in stale:
        sys.stdout.write(f"{'out of step' if arguments.check else 'written'}: {path}\n")
    if arguments.check and stale:
        sys.stdout.write("run `make generate` and commit what it writes\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
