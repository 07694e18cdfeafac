"""The examples of docs/alerts.md load, and do what the page says."""

import re
import textwrap
from pathlib import Path
from typing import Any

import pytest

from autoscaler.policy import parse_policy
from autoscaler.settings import Settings
from autoscaler.sources.alertmanager import AlertmanagerSource
from autoscaler.strict_yaml import parse
from autoscaler.testing.builders import Watched, a_service, value

PAGE = (Path(__file__).parents[2] / "docs" / "alerts.md").read_text()
EXAMPLES = [textwrap.dedent(text) for text in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)]
POLICIES = [text for text in EXAMPLES if text.startswith("version:")]
SETTINGS = [text for text in EXAMPLES if "config/autoscaler.yaml" in text]


@pytest.mark.parametrize("text", POLICIES)
def test_each_policy_loads(text: str) -> None:
    assert parse_policy(parse(text).data["policies"][0]).scale is not None


def test_the_settings_load() -> None:
    (text,) = SETTINGS
    settings = Settings.model_validate(parse(text).data)
    options = {k: v for k, v in settings.sources["alertmanager"].items() if k != "type"}
    assert len(AlertmanagerSource.Settings.model_validate(options).urls) == 2


class Scaled:
    """The policy for who comes from docker-scaler, at work."""

    def __init__(self) -> None:
        document: dict[str, Any] = parse(POLICIES[1]).data["policies"][0]
        self._watched = Watched(parse_policy(document), a_service(4, name="go-demo_main"))
        self.sees(0, 0, passes=30)

    def sees(self, up: int, down: int, passes: int) -> int:
        """The replicas after so many passes, 15 seconds apart."""
        for _ in range(passes):
            self._watched.sees({"up": value(float(up)), "down": value(float(down))})
        return self._watched.replicas


def test_an_alert_to_scale_up_adds_a_step_for_each_period_that_it_fires() -> None:
    service = Scaled()
    assert service.sees(1, 0, passes=10) == 6
    assert service.sees(1, 0, passes=20) == 8
    assert service.sees(1, 0, passes=30) == 8
    assert service.sees(0, 0, passes=60) == 8


def test_an_alert_to_scale_down_takes_a_step_for_each_period_that_it_fires() -> None:
    service = Scaled()
    assert service.sees(0, 1, passes=10) == 3
    assert service.sees(0, 1, passes=20) == 2
    assert service.sees(0, 1, passes=40) == 2


def test_up_goes_before_down() -> None:
    assert Scaled().sees(1, 1, passes=5) == 6
