"""Secrets of the settings are used, and told nowhere: not in logs, store, pages or commands."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import ssl
import subprocess
import zlib
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from autoscaler.testing.engine import FakeSwarm
from autoscaler.testing.metrics_page import MetricsPage
from autoscaler.testing.prometheus import FakePrometheus
from autoscaler.testing.real.processes import Child, free_port, run
from deploy.demo.process import program

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

PATIENCE = 180.0
"""Seconds, for machines with much else to do."""
LOGINS = ("docker:canary-engine", "prom:canary-password", "me:canary-page", "old:canary-server")
CANARIES = ("canary-", *(b64encode(login.encode()).decode() for login in LOGINS))

TOKEN = "canary-token-of-ann"
"""Shown to the API by who may ask."""
TEMPLATE = {
    "ContainerSpec": {
        "Image": "busybox:1",
        "Env": ["KEY=canary-environment"],
        "Args": ["--key", "canary-argument"],
    }
}

COMMANDS = (
    ("revisions", "web"),
    ("explain", "web"),
    ("explain", "web", "--record"),
    ("history", "--json"),
    ("status", "--json"),
    ("plan",),
)


@dataclass
class Bed:
    """The process, and all whom it asks, each of whom wants another secret."""

    directory: Path
    engine: FakeSwarm
    prometheus: FakePrometheus
    page: MetricsPage
    listen: str
    process: Child | None = None

    @property
    def environment(self) -> dict[str, str]:
        ours = {name: "" for name in os.environ if name.startswith("AUTOSCALER_")}
        return ours | {"AUTOSCALER_CONFIG": str(self.directory / "autoscaler.yaml")}

    @property
    def log(self) -> str:
        return (self.directory / "log").read_text()

    async def get(self, path: str, token: str = TOKEN) -> str:
        shown = {"Authorization": f"Bearer {token}"}
        with suppress(aiohttp.ClientError):
            async with aiohttp.request("GET", self.listen + path, headers=shown) as answer:
                return await answer.text()
        return ""

    async def events(self) -> str:
        """What is told of an order by hand."""
        order = {"kind": "restart", "service": "web", "reason": "a move"}
        shown = {"Authorization": f"Bearer {TOKEN}"}
        async with (
            asyncio.timeout(PATIENCE),
            aiohttp.ClientSession(self.listen, headers=shown) as http,
            http.get("/api/v1/events") as stream,
        ):
            await http.post("/api/v1/orders", json=order)
            await stream.content.readuntil(b"\n\n")
            return (await stream.content.readuntil(b"\n\n")).decode()

    async def api(self) -> dict[str, str]:
        """All that the API tells of the service, by where it is told."""
        document = json.loads(await self.get("/api/v1/openapi.json") or '{"paths": {}}')
        places = [path for path, each in document["paths"].items() if "get" in each]
        here = {"{service}": "web", "{at}": "last-change"}
        for part, value in here.items():
            places = [path.replace(part, value) for path in places]
        return {p: await self.get(p) for p in places if not p.endswith("/events")}

    async def command(self, *words: str) -> str:
        """What it prints, whether or not it succeeds."""
        done = await asyncio.to_thread(
            subprocess.run,
            [program(), *words],
            env={**os.environ, **self.environment},
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
        return (done.stdout + done.stderr).decode()

    async def all_that_is_told(self) -> dict[str, str]:
        """By where it is told."""
        told = {" ".join(command): await self.command(*command) for command in COMMANDS}
        told |= {path: await self.get(path) for path in ("/metrics", "/readyz", "/healthz")}
        told |= await self.api()
        told |= {"refused": await self.get("/api/v1/services", "canary-wrong-token")}
        told["store"] = "\n".join(cells(self.directory / "autoscaler.db"))
        return told | {"log": self.log}


def cells(store: Path) -> Iterable[str]:
    """All that a store holds, records unpacked, but for the templates that it keeps."""
    with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as connection:
        tables = connection.execute("select name from sqlite_master where type = 'table'")
        for (table,) in tables.fetchall():
            if table == "revisions":
                continue
            for row in connection.execute(f'select * from "{table}"'):  # noqa: S608 - its own
                yield from map(_text, row)


def kept(store: Path) -> list[str]:
    """The templates of good releases, in which secrets may stand."""
    with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as connection:
        rows = connection.execute("select template from revisions").fetchall()
    return [text for (text,) in rows if "canary-environment" in text]


def _text(cell: object) -> str:
    if not isinstance(cell, bytes):
        return str(cell)
    with suppress(zlib.error):
        cell = zlib.decompress(cell)
    return cell.decode(errors="replace")


def leaks(told: dict[str, str]) -> list[str]:
    return [
        f"{where}: ...{text[max(0, text.index(canary) - 60) :][:120]}"
        for where, text in told.items()
        for canary in CANARIES
        if canary in text
    ]


async def becomes(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not holds():  # noqa: ASYNC110 - another process is waited for
            await asyncio.sleep(0.1)


def keys(directory: Path) -> Path:
    """A certificate of 127.0.0.1 for both sides."""
    words = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    names = ["-subj", "/CN=engine", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-out", str(directory / "cert.pem"), "-keyout", str(directory / "key.pem")]
    run([*words.split(), *names, *files])
    return directory / "cert.pem"


def mutual_tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=certificate)
    context.load_cert_chain(certificate, certificate.with_name("key.pem"))
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def settings(bed: Bed, engine: str, login: dict[str, str]) -> dict[str, Any]:
    where = bed.directory
    tls = {"tls_ca": "cert.pem", "tls_cert": "cert.pem", "tls_key": "key.pem"}
    return {
        "interval": "1s",
        "policies": [str(where / "policies")],
        "store": str(where / "autoscaler.db"),
        "listen": bed.listen.removeprefix("http://"),
        "log": {"format": "json", "level": "debug"},
        "api": {"tokens": {"ann": {"file": secret_file(bed, "ann_file", TOKEN), **OPERATES}}},
        "orchestrator": {
            "host": engine.replace("//", f"//{LOGINS[0]}@"),
            **{name: str(where / file) for name, file in tls.items()},
        },
        "sources": {
            "prometheus": {
                # The first does not answer: the second is asked after it.
                "urls": [f"http://{LOGINS[3]}@127.0.0.1:1", bed.prometheus.url],
                "headers": {"X-Scope-OrgID": "canary-header"},
                **{key: secret_file(bed, key, value) for key, value in login.items()},
            }
        },
    }


OPERATES = {"scopes": ["operate"]}


def secret_file(bed: Bed, key: str, value: str) -> str:
    """Where the secret is, for settings that name a file."""
    if not key.endswith("_file"):
        return value
    (bed.directory / key).write_text(value)
    return str(bed.directory / key)


def policy(bed: Bed) -> dict[str, Any]:
    page = f"http://{LOGINS[2]}@127.0.0.1:{bed.page.port}/metrics"
    scraped = {"name": "page", "source": "scrape", "metric": "queue", "urls": [page]}
    metrics = [
        {"name": "load", "query": "load", "target": {"average_value": 100}},
        {**scraped, "interval": "1s", "target": {"average_value": 100}},
    ]
    scale = {"min": 1, "max": 9, "metrics": metrics}
    heal = {"heal": [{"rule": "crash_loop", "then": "rollback"}], "release": {"bake": "1s"}}
    web = {"name": "web", "services": ["web"], "scale": scale, **heal}
    return {"version": 1, "policies": [web]}


LOGIN = {
    "password": {"username": "prom", "password_file": "canary-password"},
    "token": {"bearer_token_file": "canary-token"},
}


@pytest.fixture(params=LOGIN)
async def bed(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bed]:
    async with FakeSwarm() as engine, FakePrometheus() as prometheus, MetricsPage() as page:
        labels = {"traefik.users": "me:canary-label"}
        engine.create("web", replicas=2, TaskTemplate=TEMPLATE, Labels=labels)
        prometheus.say("load", 500)
        page.lines = {"queue": 700}
        bed = Bed(tmp_path, engine, prometheus, page, f"http://127.0.0.1:{free_port()}")
        host = await engine.listen_tcp(mutual_tls(keys(tmp_path)))
        document = settings(bed, host, LOGIN[request.param])
        (tmp_path / "autoscaler.yaml").write_text(json.dumps(document))
        (tmp_path / "policies").mkdir()
        (tmp_path / "policies" / "web.yaml").write_text(json.dumps(policy(bed)))
        bed.process = Child([program(), "run"], tmp_path / "log", bed.environment)
        yield bed
        await asyncio.to_thread(bed.process.stop)


async def test_secrets_are_used_and_told_nowhere_also_when_nobody_answers(bed: Bed) -> None:
    await becomes(lambda: '"to": 7' in bed.log)
    sent = {request["headers"]["Authorization"] for request in bed.prometheus.requests}
    assert sent <= {f"Basic {CANARIES[2]}", "Bearer canary-token"}
    assert sent
    assert bed.page.requests[0].headers["Authorization"] == f"Basic {CANARIES[3]}"
    await becomes(lambda: bool(kept(bed.directory / "autoscaler.db")))
    told = await bed.all_that_is_told()
    assert [where for where, text in told.items() if not text] == []
    assert leaks(told) == []
    told = {"events": await bed.events()}
    assert "restart" in told["events"]
    assert leaks(told) == []

    await bed.prometheus.stop()
    await bed.page.stop()
    await becomes(lambda: "missing_data" in bed.log)
    await bed.engine.stop()
    await becomes(lambda: '"failed"' in bed.log)
    assert leaks(await bed.all_that_is_told()) == []
