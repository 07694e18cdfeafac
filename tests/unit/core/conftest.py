"""What tests of what is decided have in common."""

from __future__ import annotations

import pytest

from autoscaler.model import Health


@pytest.fixture
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule that always finds something, so that a guard alone decides."""
    from autoscaler.healing.exhausted import Exhausted
    from autoscaler.model import Finding

    finding = Finding(state=Health.DEGRADED, reason="always")
    monkeypatch.setattr(Exhausted, "examine", lambda *given: (None, finding))
