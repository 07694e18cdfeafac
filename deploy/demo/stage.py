"""Sets up what the demonstration needs, and takes it down again.

    private Swarm ── workers ──take, done──► queue ◄──scrape── Prometheus ──► Alertmanager
          ▲                                                        ▲               │
          └────────────────── autoscaler ──────────────────────────┘ ◄── webhook ──┘

All of it ends with this process, even when that one is killed. Only in a Swarm that the user
named something can be left then: a stack, of a name of its own.
"""

from __future__ import annotations

import json
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autoscaler.testing.real.alertmanager import PrivateAlertmanager, webhook
from autoscaler.testing.real.prometheus import PrivatePrometheus, scrape
from deploy.demo import swarms
from deploy.demo.process import Autoscaler
from deploy.demo.swarms import Stack, Swarm

POLICY = Path(__file__).parents[2] / "policies" / "examples" / "queue-length.yaml"

ALERT = "WorkersHang"

_HEAL = "      - {rule: stuck_update, then: rollback}"
_BY_ALERT = f"""\
      - rule: alert
        source: alertmanager
        match: {{alertname: {ALERT}}}
        service_label: service
        then: restart"""

Tell = Callable[[str], None]


@dataclass
class Stage:
    """What is there once everything runs."""

    swarm: Swarm
    prometheus: PrivatePrometheus
    door: socket.socket
    """Listens already; who plays the queue serves it."""
    autoscaler: Autoscaler

    @property
    def queue_url(self) -> str:
        """Where workers reach the queue."""
        return _url(self.door)


@contextmanager
def set_up(
    stabilization: str, tell: Tell, host: str | None = None, address: str | None = None
) -> Iterator[Stage]:
    """Everything up and running; ended and removed afterwards, whatever happens.

    `host` names a Swarm that is there already, `address` how its tasks reach this machine.
    """
    stack = ExitStack()
    try:
        tell(f"the Swarm at {host}" if host else "a private Swarm")
        swarm = stack.enter_context(swarms.chosen(host, address))
        door = stack.enter_context(socket.create_server((swarm.gateway, 0)))
        tell("a service of one worker")
        _deploy(stack, swarm, _url(door), leave=host is None)
        tell("a private Prometheus and Alertmanager")
        config = scrape({"queue": [_url(door).removeprefix("http://")]})
        prometheus = stack.enter_context(PrivatePrometheus(config))
        autoscaler = stack.enter_context(closing(Autoscaler(swarm.host, prometheus.url)))
        url = autoscaler.take_alerts()
        hook = webhook(url, token_file=autoscaler.token)
        alertmanager = stack.enter_context(PrivateAlertmanager(hook))
        autoscaler.ask(alertmanager.url)
        _raise_alerts(prometheus, config, alertmanager)
        tell("the autoscaler")
        write_policy(autoscaler.policies, stabilization)
        autoscaler.start()
        yield Stage(swarm, prometheus, door, autoscaler)
    finally:
        with undisturbed():
            stack.close()


@contextmanager
def undisturbed() -> Iterator[None]:
    """A second Ctrl-C does not cut short what the first one began to clean up."""
    names = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {name: signal.signal(name, signal.SIG_IGN) for name in names}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)


def _deploy(stack: ExitStack, swarm: Swarm, queue: str, *, leave: bool) -> None:
    """Start the workers; a private Swarm needs no tidying: it goes as a whole."""
    workers = Stack(swarm)
    workers.refuse_another()
    if not leave:
        stack.callback(workers.remove)
    workers.deploy(queue)


def _raise_alerts(
    prometheus: PrivatePrometheus, config: dict[str, Any], alertmanager: PrivateAlertmanager
) -> None:
    """Have Prometheus raise an alert for workers that hang."""
    labels = {"service": swarms.SERVICE}
    rule = {"alert": ALERT, "expr": "queue_workers_hanging > 0", "labels": labels}
    rules = prometheus.directory / "rules.yml"
    rules.write_text(json.dumps({"groups": [{"name": "demo", "rules": [rule]}]}))
    told = [{"static_configs": [{"targets": [alertmanager.listen_address]}]}]
    prometheus.reload({**config, "rule_files": [str(rules)], "alerting": {"alertmanagers": told}})


def _url(door: socket.socket) -> str:
    return "http://{}:{}".format(*door.getsockname())


def write_policy(directory: Path, stabilization: str = "2m", service: str = swarms.SERVICE) -> Path:
    """The example for queues, with another time, for the sample service, and with an alert."""
    text = POLICY.read_text()
    for written, meant in {
        "services: [shop_worker]": f"services: [{service}]",
        "stabilization: 2m": f"stabilization: {stabilization}",
        "bake: 5m": "bake: 5s",
        _HEAL: f"{_HEAL}\n{_BY_ALERT}",
    }.items():
        if written not in text:
            raise ValueError(f"{POLICY} does not say {written!r}")
        text = text.replace(written, meant)
    file = directory / POLICY.name
    file.write_text(text)
    return file
