"""Every strategy keeps the contract."""

from typing import Any

import pytest

from autoscaler.ports import Strategy
from autoscaler.strategies.formula import Formula
from autoscaler.strategies.only_input import OnlyInput
from autoscaler.strategies.pass_through import PassThrough
from autoscaler.strategies.predictive import Predictive
from autoscaler.strategies.step import Step
from autoscaler.strategies.target import Target
from autoscaler.testing.contracts.strategy import StrategyContract

TARGETS: list[dict[str, Any]] = [
    {"average_value": 100},
    {"average_value": 1e-9, "strict_hpa": True},
    {"value": 0.25},
    {"value": 0.25, "strict_hpa": True},
    {"utilization": 70},
    {"utilization": 70, "initialization": "1m30s", "readiness_delay": "10s"},
    {"average_value": 100, "look_ahead": "30s", "spare": 10},
]


class TestTarget(StrategyContract):
    name = "target"

    @pytest.fixture(params=TARGETS, ids=str)
    def strategy(self, request: pytest.FixtureRequest) -> Strategy:
        return Target.model_validate(request.param)


class TestPredictive(StrategyContract):
    name = "predictive"

    @pytest.fixture(params=[{}, {"horizon": "15m", "quantile": 0.99, "season": True}], ids=str)
    def strategy(self, request: pytest.FixtureRequest) -> Strategy:
        return Predictive.model_validate({"average_value": 100, **request.param})


class TestStep(StrategyContract):
    name = "step"

    @pytest.fixture(params=[{}, {"points": 3, "window": "1m"}], ids=str)
    def strategy(self, request: pytest.FixtureRequest) -> Strategy:
        steps = [{"lower": 80, "change": 2}, {"lower": 95, "percent": 50}]
        return Step.model_validate({"steps": steps, **request.param})


class TestPassThrough(StrategyContract):
    name = "pass_through"

    @pytest.fixture(params=[{}, {"max_scale_up": 5, "max_scale_down": 0}], ids=str)
    def strategy(self, request: pytest.FixtureRequest) -> Strategy:
        return PassThrough.model_validate(request.param)


class TestFormula(StrategyContract):
    name = "formula"

    @pytest.fixture(params=["value / 100", "ceil(replicas * value / 0)", "other"])
    def strategy(self, request: pytest.FixtureRequest) -> Strategy:
        return Formula.model_validate(request.param)


class TestInput(StrategyContract):
    name = "input"

    @pytest.fixture
    def strategy(self) -> Strategy:
        return OnlyInput()
