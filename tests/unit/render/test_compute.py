"""Requests and limits: what a service says, else the environment, else the platform; and they go together."""

from typing import Any

import pytest

from delivery_operator.api.environment import Defaults
from delivery_operator.api.resources import Resources
from delivery_operator.render.pod import compute

PLATFORM = {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}}


@pytest.mark.parametrize(
    ("own", "environment", "wanted"),
    [
        (None, {}, PLATFORM),
        ({}, {}, PLATFORM),
        ({"requests": {}, "limits": {}}, {}, {}),
        ({"requests": {"cpu": "0.5"}}, {}, {"requests": {"cpu": "500m"}, "limits": {"memory": "256Mi"}}),
        # A default gives way.
        ({"requests": {"memory": "1024Mi"}}, {}, {"requests": {"memory": "1Gi"}, "limits": {"memory": "1Gi"}}),
        (
            {"limits": {"memory": "64Mi"}},
            {},
            {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "64Mi"}},
        ),
        (None, {"requests": {"memory": "1Gi"}}, {"requests": {"memory": "1Gi"}, "limits": {"memory": "1Gi"}}),
        (
            {"limits": {"memory": "1Gi"}},
            {"requests": {"memory": "2Gi"}},
            {"requests": {"memory": "1Gi"}, "limits": {"memory": "1Gi"}},
        ),
        (
            {"requests": {"memory": "1Gi"}},
            {"limits": {"memory": "512Mi"}},
            {"requests": {"memory": "1Gi"}, "limits": {"memory": "1Gi"}},
        ),
    ],
)
def test_compute(own: Any, environment: Any, wanted: Any) -> None:
    resources = None if own is None else Resources.model_validate(own)
    defaults = Defaults.model_validate({"resources": environment})
    assert compute(resources, defaults) == wanted
    assert defaults == Defaults.model_validate({"resources": environment})
