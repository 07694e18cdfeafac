"""A Prometheus of one's own."""

import json
from typing import Any
from urllib.parse import quote

from autoscaler.testing.real.servers import PrivateServer


def scrape(targets: dict[str, list[str]], *, interval: str = "1s") -> dict[str, Any]:
    """Return a configuration that scrapes the `host:port` targets of every job."""
    return {
        "global": {"scrape_interval": interval, "evaluation_interval": interval},
        "scrape_configs": [
            {"job_name": job, "static_configs": [{"targets": addresses}]}
            for job, addresses in targets.items()
        ],
    }


class PrivatePrometheus(PrivateServer):
    """A Prometheus on a free port, with its data in a temporary directory."""

    programs = ("prometheus",)

    def arguments(self) -> list[str]:
        return [
            f"--config.file={self.config_file}",
            f"--storage.tsdb.path={self.directory}/data",
            f"--web.listen-address={self.listen_address}",
            "--web.enable-lifecycle",
            "--web.enable-admin-api",
            "--log.level=warn",
        ]

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Return the result vector of an instant query."""
        answer = json.loads(self.get(f"/api/v1/query?query={quote(expression)}"))
        result: list[dict[str, Any]] = answer["data"]["result"]
        return result
