"""A model of Alertmanagers that are one cluster: what they send to a webhook, when, how often.

    network = Network()
    pair = Pair(Route("http://autoscaler/api/v1/alerts"), clock, network, random.Random(1))
    async with pair:
        pair.fire("WebSlow", service="shop_web")
        ...
        pair.stop(0)                    # the other one tells, later
        pair.apart = True               # they hear nothing of each other: both tell
        pair.silent = True              # Prometheus is gone: what fires ends by itself

`route.py` says how groups are told, `notices.py` what was told already, `held.py` what an alert
is; `member.py` is one Alertmanager, with its API, and `pair.py` the cluster and the Prometheus
that raises alerts. The contract tests hold one member to a real Alertmanager.
"""

from autoscaler.testing.alertmanager.member import Member
from autoscaler.testing.alertmanager.pair import Pair
from autoscaler.testing.alertmanager.route import Route

__all__ = ["Member", "Pair", "Route"]
