"""An Alertmanager of one's own."""

import json
from pathlib import Path
from typing import Any

from autoscaler.testing.real.processes import free_port
from autoscaler.testing.real.servers import PrivateServer


def webhook(
    url: str, *, interval: str = "1s", repeat: str = "1h", token_file: Path | None = None
) -> dict[str, Any]:
    """Return a configuration that sends every alert to a webhook."""
    login = {"authorization": {"credentials_file": str(token_file)}} if token_file else {}
    hook = {"url": url, "send_resolved": True, "http_config": login}
    return {
        "route": {
            "receiver": "webhook",
            "group_by": ["..."],
            "group_wait": interval,
            "group_interval": interval,
            "repeat_interval": repeat,
        },
        "receivers": [{"name": "webhook", "webhook_configs": [hook]}],
    }


def peers(count: int) -> list[list[str]]:
    """Return the options of so many Alertmanagers that are one cluster on this machine."""
    places = [f"127.0.0.1:{free_port()}" for _ in range(count)]
    quick = ["--cluster.peer-timeout=1s", "--cluster.settle-timeout=2s"]
    return [
        [
            f"--cluster.listen-address={own}",
            f"--cluster.advertise-address={own}",
            *(f"--cluster.peer={other}" for other in places if other != own),
            *quick,
        ]
        for own in places
    ]


class PrivateAlertmanager(PrivateServer):
    """An Alertmanager on a free port, that knows no peers unless its options name them."""

    programs = ("prometheus-alertmanager", "alertmanager")

    def arguments(self) -> list[str]:
        return [
            f"--config.file={self.config_file}",
            f"--storage.path={self.directory}/data",
            f"--web.listen-address={self.listen_address}",
            *([] if self._clustered else ["--cluster.listen-address="]),
            "--log.level=warn",
        ]

    @property
    def _clustered(self) -> bool:
        return any(option.startswith("--cluster.listen-address=") for option in self.options)

    def alerts(self) -> list[dict[str, Any]]:
        """Return the alerts that are active."""
        alerts: list[dict[str, Any]] = json.loads(self.get("/api/v2/alerts?active=true"))
        return alerts

    def fire(self, **labels: str) -> None:
        """Raise an alert, as Prometheus does."""
        self.post("/api/v2/alerts", [{"labels": labels}])
