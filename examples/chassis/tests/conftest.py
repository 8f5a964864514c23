"""What several tests need."""

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from chassis import tracing


@pytest.fixture
def own_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenTelemetry lets a process set its provider once; tests set several."""

    def replace(provider: TracerProvider) -> None:
        monkeypatch.setattr(tracing, "_tracer", provider.get_tracer("tests"))
        monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)

    monkeypatch.setattr(trace, "set_tracer_provider", replace)
