"""What the templates make of a few services, in full: a change of a template shows here as a difference to read.

`make golden` rewrites the files.
"""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import kubernetes_validate  # type: ignore[import-untyped] # it ships no types
import pytest
import yaml

from delivery_operator.render import bundle as bundles
from delivery_operator.render.manifests import Manifest, pack, render, scaling, unpack
from delivery_operator.render.platform import OPTIONAL
from delivery_operator.render.restricted import pod_template, violations
from tests.unit.support import builders
from tests.unit.support.services import PLATFORMS, SERVICES

GOLDENS = Path(__file__).parent.parent / "goldens"
# The oldest Kubernetes we say we support, and the newest that the schemas are there for.
KUBERNETES = ("1.33", "1.37")


def rendered(name: str) -> list[Manifest]:
    """All there is of a service: its release, and what takes effect at once."""
    service = (name, "shop", builders.parsed(SERVICES[name]), builders.BUNDLE, PLATFORMS[name])
    return render(*service) + scaling(*service)


MANIFESTS = [
    pytest.param(manifest, id=f"{name}: {manifest['kind']} {manifest['metadata']['name']}")
    for name in SERVICES
    for manifest in rendered(name)
]


@pytest.mark.parametrize("name", SERVICES)
def test_golden(name: str, request: pytest.FixtureRequest) -> None:
    golden = GOLDENS / f"{name}.yaml"
    text = "".join(
        f"---\n{yaml.safe_dump(each, sort_keys=False, allow_unicode=True, width=120)}" for each in rendered(name)
    )
    if request.config.getoption("--golden", "check") == "write":
        golden.write_text(text)
    assert golden.read_text() == text, "run `make golden` and look at what it changes"


def test_no_golden_is_left_over() -> None:
    assert {path.stem for path in GOLDENS.iterdir()} == set(SERVICES)


def test_the_goldens_show_every_template() -> None:
    kinds = {manifest["kind"].lower() for name in SERVICES for manifest in rendered(name)}
    assert kinds == set(bundles.NAMES)


@pytest.mark.parametrize("version", KUBERNETES)
@pytest.mark.parametrize("manifest", [each for each in MANIFESTS if each.values[0]["apiVersion"] not in OPTIONAL])  # type: ignore[index] # values of pytest.param are typed as object
def test_every_manifest_fits_the_kubernetes_schema(manifest: Manifest, version: str) -> None:
    """T-12."""
    kubernetes_validate.validate(manifest, version, strict=True)


@pytest.mark.parametrize("manifest", [each for each in MANIFESTS if pod_template(each.values[0])])  # type: ignore[arg-type] # values of pytest.param are typed as object
def test_every_pod_meets_the_restricted_standard(manifest: Manifest) -> None:
    spec = pod_template(manifest)["spec"]
    assert list(violations(spec)) == []
    assert spec["automountServiceAccountToken"] is False
    for container in spec["containers"]:
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert container["terminationMessagePolicy"] == "FallbackToLogsOnError"


def test_rendering_is_byte_equal_in_every_process() -> None:
    """Invariant 9: no set or hash order shows through (cloudfoundry/korifi#2132)."""
    program = (
        "import sys\n"
        "from tests.unit.support import builders\n"
        "from tests.unit.support.services import PLATFORMS, SERVICES\n"
        "from delivery_operator.render.manifests import pack, render, scaling\n"
        "for name in SERVICES:\n"
        "    service = (name, 'shop', builders.parsed(SERVICES[name]), builders.BUNDLE, PLATFORMS[name])\n"
        "    sys.stdout.write(builders.BUNDLE.digest + pack(render(*service) + scaling(*service)) + '\\n')\n"
    )
    root = Path(__file__).parents[3]

    def output(seed: int) -> str:
        return subprocess.run(
            [sys.executable, "-c", program],
            cwd=root,
            env={**os.environ, "PYTHONHASHSEED": str(seed)},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            timeout=60,
        ).stdout

    with ThreadPoolExecutor(4) as pool:
        outputs = set(pool.map(output, range(20)))
    here = "".join(f"{builders.BUNDLE.digest}{pack(rendered(name))}\n" for name in SERVICES)
    assert outputs == {here}


def test_a_release_stores_its_manifests_whole_and_small() -> None:
    """Releases are listed by the hundred (kubevela/kubevela#5050)."""
    manifests = rendered("order")
    packed = pack(manifests)
    assert list(unpack(packed)) == manifests
    assert len(packed) < 4096
