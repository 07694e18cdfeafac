"""The nouns: what is observed, what is decided, what is remembered.

All are frozen values, so an observation can be recorded, sent between processes and
replayed. Times are Unix seconds (float), durations seconds, CPU in nano-CPUs, memory in
bytes. `None` always means "not known", never zero.
"""

from autoscaler.model.act import Act
from autoscaler.model.cluster import (
    STACK_LABEL,
    Event,
    Fleet,
    Host,
    Mode,
    Network,
    Node,
    NodeState,
    Resources,
    Rollout,
    Service,
    Task,
    TaskState,
)
from autoscaler.model.decision import (
    Action,
    Changed,
    Decision,
    Doubt,
    FleetFacts,
    Intent,
    Memory,
    Observation,
    Outcome,
    Recommendation,
    Record,
    Reset,
    Room,
    Run,
    Scaled,
    Verdict,
)
from autoscaler.model.health import (
    Attempt,
    Finding,
    Healing,
    Health,
    Quarantine,
    Standing,
)
from autoscaler.model.orders import Order, OrderKind, Orders
from autoscaler.model.revisions import (
    Failed,
    Phase,
    Releases,
    Revision,
    Tally,
    Template,
    Watch,
)
from autoscaler.model.sample import (
    Quality,
    Sample,
    TaskValue,
)
from autoscaler.model.usage import NodeUsage, TaskUsage

__all__ = [
    "STACK_LABEL",
    "Act",
    "Action",
    "Attempt",
    "Changed",
    "Decision",
    "Doubt",
    "Event",
    "Failed",
    "Finding",
    "Fleet",
    "FleetFacts",
    "Healing",
    "Health",
    "Host",
    "Intent",
    "Memory",
    "Mode",
    "Network",
    "Node",
    "NodeState",
    "NodeUsage",
    "Observation",
    "Order",
    "OrderKind",
    "Orders",
    "Outcome",
    "Phase",
    "Quality",
    "Quarantine",
    "Recommendation",
    "Record",
    "Releases",
    "Reset",
    "Resources",
    "Revision",
    "Rollout",
    "Room",
    "Run",
    "Sample",
    "Scaled",
    "Service",
    "Standing",
    "Tally",
    "Task",
    "TaskState",
    "TaskUsage",
    "TaskValue",
    "Template",
    "Verdict",
    "Watch",
]
