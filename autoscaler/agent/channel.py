"""One end of a conversation: two queues within a process, or a WebSocket between two."""

from __future__ import annotations

import asyncio
from typing import Protocol

import aiohttp
from aiohttp import web

from autoscaler.agent.messages import Refused

MOST_WAITING = 100
"""Messages that wait in a process for the other end to read them."""
SEND_WITHIN = 10.0
"""Seconds that the other end may take to accept a message."""
CLOSE_WITHIN = 2.0


class Closed(ConnectionError):
    """The conversation has ended."""


class Channel(Protocol):
    """Texts in both directions, in order."""

    async def send(self, text: str) -> None:
        """Hand a message over. Raises Closed, also when the other end does not take it."""
        ...

    async def receive(self) -> str:
        """The next message. Raises Closed, or Refused for what is no text or too long."""
        ...

    async def close(self) -> None:
        """End the conversation; idempotent."""
        ...


class _Pipe:
    """One end of a conversation within the process."""

    def __init__(
        self, incoming: asyncio.Queue[str], outgoing: asyncio.Queue[str], ended: asyncio.Event
    ) -> None:
        self._incoming = incoming
        self._outgoing = outgoing
        self._ended = ended

    async def send(self, text: str) -> None:
        if self._ended.is_set():
            raise Closed("the other end has left")
        try:
            async with asyncio.timeout(SEND_WITHIN):
                await self._outgoing.put(text)
        except TimeoutError as error:
            raise Closed("the other end does not listen") from error

    async def receive(self) -> str:
        if not self._incoming.empty():
            return self._incoming.get_nowait()
        message = asyncio.ensure_future(self._incoming.get())
        ended = asyncio.ensure_future(self._ended.wait())
        try:
            await asyncio.wait((message, ended), return_when=asyncio.FIRST_COMPLETED)
            if message.done():
                return message.result()
            raise Closed("the other end has left")
        finally:
            message.cancel()
            ended.cancel()

    async def close(self) -> None:
        self._ended.set()


def pipe() -> tuple[Channel, Channel]:
    """Both ends of a conversation within the process."""
    one: asyncio.Queue[str] = asyncio.Queue(MOST_WAITING)
    other: asyncio.Queue[str] = asyncio.Queue(MOST_WAITING)
    ended = asyncio.Event()
    return _Pipe(one, other, ended), _Pipe(other, one, ended)


class SocketChannel:
    """A conversation over a WebSocket, from either end."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse | web.WebSocketResponse) -> None:
        self._socket = socket

    async def send(self, text: str) -> None:
        """See Channel."""
        try:
            async with asyncio.timeout(SEND_WITHIN):
                await self._socket.send_str(text)
        except (TimeoutError, ConnectionError, aiohttp.ClientError, RuntimeError) as error:
            raise Closed(str(error) or "the other end does not listen") from error

    async def receive(self) -> str:
        """See Channel. A message that is too long ends the connection as well."""
        found = await self._socket.receive()
        if found.type is aiohttp.WSMsgType.TEXT:
            text: str = found.data
            return text
        if found.type is aiohttp.WSMsgType.BINARY:
            raise Refused("malformed", "a message that is no text")
        if _too_big(found):
            raise Refused("oversize", "a message above the bound")
        raise Closed(_farewell(found))

    async def close(self) -> None:
        """See Channel."""
        try:
            async with asyncio.timeout(CLOSE_WITHIN):
                await self._socket.close()
        except (TimeoutError, ConnectionError, aiohttp.ClientError, RuntimeError):
            return


def _too_big(found: aiohttp.WSMessage) -> bool:
    error = found.data
    return (
        isinstance(error, aiohttp.WebSocketError)
        and error.code == aiohttp.WSCloseCode.MESSAGE_TOO_BIG
    )


def _farewell(found: aiohttp.WSMessage) -> str:
    said = found.extra if isinstance(found.extra, str) else ""
    return said or f"the connection ended ({found.type.name.lower()})"
