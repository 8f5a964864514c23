"""Compose files as Docker Compose understands them: `docker compose config` without a Docker engine."""

import json
import subprocess
from collections.abc import Mapping
from typing import Any

from devcluster.console import Silent
from devcluster.home import Home
from devcluster.tools import built_tools


class ComposeError(Exception):
    """The loader's own words on what is wrong with a file."""


def load(text: str, env: Mapping[str, str]) -> dict[str, Any]:
    """The project of a Compose file: checked, interpolated from `env` and nothing else, and normalised.

    Raises:
        ComposeError: Docker Compose would refuse the file.
    """
    program = built_tools(Home.default(), Silent())["compose"]
    done = subprocess.run([program], input=text, env=dict(env), capture_output=True, text=True, check=False)
    if done.returncode:
        raise ComposeError(done.stderr.strip())
    project: dict[str, Any] = json.loads(done.stdout)
    return project
