"""The seams: what adapters and plugins promise.

A deciding plugin is a pure step over values. An adapter does I/O, raises `Temporary` or
`Permanent` from `errors.py`, and gives every call a deadline of its own. Each port has a
contract test in `autoscaler.testing.contracts` that tells its author whether it is right.

An entry point names a class. What the class must be:

- A strategy is the model of its own options: `plugin.model_validate(options)` makes one.
- A source and an orchestrator have a model `Settings`, what the settings file may say of it
  beside `type:`; a source has a model `Options` too, what a policy may say beside `source:`.
  Both may be empty, and must be there. The adapter is made as `plugin(settings)`, with an
  instance of `Settings` and nothing else, inside the running event loop: it connects at the
  first call, not before.

- A notifier has a model `Settings` derived from `Pace`, and is made like a source.

All of these models are frozen and refuse unknown keys: derive them from `strict.Strict`.
`docs/extending.md` has an example of each.
"""

from __future__ import annotations

from autoscaler.ports.clock import Clock
from autoscaler.ports.cluster import Orchestrator, PolicyKeeper
from autoscaler.ports.deciding import AskingRule, Checkup, HealingRule, Reading, Strategy
from autoscaler.ports.notify import Notifier, Pace
from autoscaler.ports.sources import (
    HearsAlerts,
    HearsUsage,
    KnowsPast,
    Query,
    Source,
    Span,
    Tell,
    TellsNews,
)
from autoscaler.ports.store import Store

__all__ = [
    "AskingRule",
    "Checkup",
    "Clock",
    "HealingRule",
    "HearsAlerts",
    "HearsUsage",
    "KnowsPast",
    "Notifier",
    "Orchestrator",
    "Pace",
    "PolicyKeeper",
    "Query",
    "Reading",
    "Source",
    "Span",
    "Store",
    "Strategy",
    "Tell",
    "TellsNews",
]
