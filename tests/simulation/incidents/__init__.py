"""What happened to others, played in the simulated world: it must not happen here.

    python -m tests.simulation --incidents

`outages.py` and `cures.py` hold public incidents, `nomad.py` defects of Nomad's autoscaler,
`swarm.py` traps of Swarm's API, `clocks.py` those of clocks. Each is a scene (`incident.py`) on
a stage (`stage.py`), with a counter-example where a brake can be left out.
"""

from __future__ import annotations

from tests.simulation.incidents.clocks import CLOCKS
from tests.simulation.incidents.cures import CURES
from tests.simulation.incidents.incident import Incident
from tests.simulation.incidents.nomad import DEFECTS
from tests.simulation.incidents.outages import OUTAGES
from tests.simulation.incidents.swarm import TRAPS

INCIDENTS: tuple[Incident, ...] = (*OUTAGES, *CURES, *DEFECTS, *TRAPS, *CLOCKS)
