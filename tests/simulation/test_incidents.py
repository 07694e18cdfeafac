"""Incidents of others: what must not happen does not, and does where the brake is left out."""

from __future__ import annotations

import pytest

from tests.simulation.incidents import INCIDENTS
from tests.simulation.incidents.incident import Incident
from tests.simulation.incidents.stage import Harm, perform


@pytest.mark.parametrize("incident", INCIDENTS, ids=str)
def test_it_does_not_happen_here(incident: Incident) -> None:
    perform(incident.scene)


@pytest.mark.parametrize("incident", [each for each in INCIDENTS if each.brake], ids=str)
def test_it_happens_without_its_brake(incident: Incident) -> None:
    with pytest.raises(Harm):
        perform(incident.scene, braked=False)
