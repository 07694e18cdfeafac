"""Passes as rare as once in ten minutes are passes: what was seen in them is remembered."""

from autoscaler.brake import Brake, BrakeLimits
from autoscaler.model import Run
from autoscaler.passes import Passes
from autoscaler.testing.builders import NOW, a_memory
from autoscaler.view import View

INTERVAL = 600.0
LONGEST_SAMPLE_AGE = 2 * INTERVAL + 10


def rare_passes() -> Passes:
    memory = a_memory(3, recommendations=(Run(replicas=1, since=NOW, until=NOW),))
    brake = Brake(BrakeLimits())
    passes = Passes(View(), brake, {"web-id": memory}, LONGEST_SAMPLE_AGE, started=NOW)
    passes.passed["web-id"] = NOW
    return passes


def test_a_window_goes_on_from_one_pass_to_the_next_however_long_the_interval_is() -> None:
    # With a minute or more between passes each of them began the window anew, for ever.
    passes = rare_passes()
    assert passes.remembered("web-id", NOW + INTERVAL) is passes.memories["web-id"]


def test_a_pass_that_did_not_come_at_all_begins_it_anew() -> None:
    known = rare_passes().remembered("web-id", NOW + LONGEST_SAMPLE_AGE + 1)
    assert [run.replicas for run in known.recommendations] == [1, 3]
