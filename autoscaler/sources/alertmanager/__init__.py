"""Alerts as a source: 1 while one fires, 0 while none is known to.

An alert is a pushed sample. It passes through

    options.py     which alerts a policy means, and which of them a service
    board.py       the alerts that stand, found by their labels
    interest.py    who has asked about which: whom to wake
    source.py      what is heard, recalled at a start, and asked
    asking.py      Alertmanager's own list of what fires: where a start begins
    settings.py    where Alertmanager is, and how long it is believed

How alerts come in over HTTP and are stored stands in `web/alertmanager.py` and `inbox.py`.
"""

from autoscaler.sources.alertmanager.options import Options
from autoscaler.sources.alertmanager.settings import Settings
from autoscaler.sources.alertmanager.source import AlertmanagerSource

__all__ = ["AlertmanagerSource", "Options", "Settings"]
