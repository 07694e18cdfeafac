"""The two receivers that `bench.webhook` compares, each in a process of its own.

    python -m bench.receivers product DIRECTORY PORT
    python -m bench.receivers bare DIRECTORY PORT

`product` is the webhook as the service runs it: login, limits, checks, de-duplication, the store
on a file, the source of alerts. `bare` is what anybody would write first: parse JSON, write the
body to SQLite, commit, answer.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from aiohttp import web as aiohttp_web

from autoscaler import web
from autoscaler.inbox import Inbox
from autoscaler.settings import Api
from autoscaler.sources.alertmanager import AlertmanagerSource
from autoscaler.store import SqliteStore
from autoscaler.telemetry import Telemetry

TOKEN = "alertmanager-of-the-bench"  # noqa: S105
STORE = "autoscaler.db"


async def product(directory: Path, port: int) -> None:
    """Serve for ever."""
    (directory / "token").write_text(TOKEN)
    token = {"file": directory / "token", "scopes": ["alerts", "read"]}
    telemetry = Telemetry()
    store = await SqliteStore.open(directory / STORE)
    sources = {"alertmanager": AlertmanagerSource(AlertmanagerSource.Settings())}
    inbox = Inbox(store, sources, telemetry, time.time)
    await inbox.recall()
    site = web.Site(
        telemetry=telemetry,
        ready=lambda: (True, "ready"),
        api=Api.model_validate({"tokens": {"alertmanager": token}}),
        inbox=inbox,
    )
    async with web.serve(web.build(site), "127.0.0.1", port):
        await asyncio.Event().wait()


async def bare(directory: Path, port: int) -> None:
    """Serve for ever."""
    thread = ThreadPoolExecutor(1)
    loop = asyncio.get_running_loop()
    connection = await loop.run_in_executor(thread, _opened, directory / "bare.db")

    def store(body: str) -> None:
        connection.execute("insert into bodies (body) values (?)", (body,))

    async def receive(request: aiohttp_web.Request) -> aiohttp_web.Response:
        body: Any = await request.json()
        await loop.run_in_executor(thread, store, json.dumps(body))
        return aiohttp_web.json_response({"accepted": len(body["alerts"])})

    async def alive(request: aiohttp_web.Request) -> aiohttp_web.Response:
        return aiohttp_web.Response()

    application = aiohttp_web.Application(client_max_size=64 * 2**20)
    application.add_routes(
        [aiohttp_web.post("/webhook", receive), aiohttp_web.get("/healthz", alive)]
    )
    async with web.serve(application, "127.0.0.1", port):
        await asyncio.Event().wait()


def _opened(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("pragma journal_mode = wal")
    connection.execute("pragma synchronous = full")
    connection.execute("create table if not exists bodies (body text not null)")
    return connection


if __name__ == "__main__":
    kind, directory, port = sys.argv[1:]
    serve = {"product": product, "bare": bare}[kind]
    asyncio.run(serve(Path(directory), int(port)))
