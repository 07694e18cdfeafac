"""An Alertmanager of one's own."""

import json
from typing import Any

from autoscaler.testing.real.servers import PrivateServer


def webhook(url: str, *, interval: str = "1s") -> dict[str, Any]:
    """Return a configuration that sends every alert to a webhook."""
    return {
        "route": {
            "receiver": "webhook",
            "group_by": ["..."],
            "group_wait": interval,
            "group_interval": interval,
            "repeat_interval": "1h",
        },
        "receivers": [
            {"name": "webhook", "webhook_configs": [{"url": url, "send_resolved": True}]}
        ],
    }


class PrivateAlertmanager(PrivateServer):
    """An Alertmanager on a free port, that knows no peers."""

    programs = ("prometheus-alertmanager", "alertmanager")

    def arguments(self) -> list[str]:
        return [
            f"--config.file={self.config_file}",
            f"--storage.path={self.directory}/data",
            f"--web.listen-address={self.listen_address}",
            "--cluster.listen-address=",
            "--log.level=warn",
        ]

    def alerts(self) -> list[dict[str, Any]]:
        """Return the alerts that are active."""
        alerts: list[dict[str, Any]] = json.loads(self.get("/api/v2/alerts?active=true"))
        return alerts

    def fire(self, **labels: str) -> None:
        """Raise an alert, as Prometheus does."""
        self.post("/api/v2/alerts", [{"labels": labels}])
