"""Stands between the product and the engine, and notes when each request passes.

In a process of its own, so that the product is as it is in service. It looks only at the first
line of what clients send; requests are neither changed nor held up, and what it costs counts
against the product.

    python -m bench.relay LISTEN ENGINE LOG
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO
from urllib.parse import unquote

_METHODS = (b"GET ", b"POST ", b"DELETE ")
_LARGEST = 256 * 1024


@dataclass(frozen=True, slots=True)
class Call:
    """A request as it passed."""

    at: float
    """Unix seconds."""
    method: str
    path: str
    """Without the API's version; with the query, decoded."""


async def relay(listen: str, engine: str, log: TextIO) -> None:
    """Serve for ever."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers, requests = await asyncio.open_unix_connection(engine)
        back = asyncio.create_task(_pass_on(answers, writer))
        try:
            await _pass_on(reader, requests, log)
            await back
        finally:
            back.cancel()

    server = await asyncio.start_unix_server(connected, listen)
    async with server:
        await server.serve_forever()


async def _pass_on(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, log: TextIO | None = None
) -> None:
    """Until one side closes, which closes the other. A client waits for each answer, so that
    what begins with a method is a new request."""
    try:
        while data := await reader.read(_LARGEST):
            if log is not None and data.startswith(_METHODS):
                line = data.partition(b"\r\n")[0].decode("latin-1")
                print(f"{time.time():.6f} {line}", file=log, flush=True)
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


def calls(log: Path) -> Iterator[Call]:
    """The requests that have passed so far, in their order."""
    for line in log.read_text(encoding="latin-1").splitlines():
        at, method, target, _ = line.split(" ", 3)
        yield Call(float(at), method, unquote("/" + target.split("/", 2)[-1]))


if __name__ == "__main__":
    with Path(sys.argv[3]).open("a", encoding="latin-1") as file:
        asyncio.run(relay(sys.argv[1], sys.argv[2], file))
