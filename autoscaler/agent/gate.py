"""The Swarm's API for a controller that holds no socket, through the agent of a manager.

It passes on what the controller reads: services, tasks, nodes, networks, policies in configs,
and events. Of all that can be written it passes the update of a service, and that only after it
has looked for itself what the update changes (`writes.py`), to which service, and how often.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from http import HTTPStatus
from typing import Any

import aiohttp
import structlog
from aiohttp import web

from autoscaler.agent import writes
from autoscaler.agent.admission import Admission
from autoscaler.agent.templates import Templates
from autoscaler.agent.writes import NotAllowed
from autoscaler.errors import AutoscalerError, Gone
from autoscaler.model import Act
from autoscaler.orchestrators.swarm.client import EngineClient
from autoscaler.orchestrators.swarm.configs import LABEL
from autoscaler.orchestrators.swarm.connection import Connection
from autoscaler.orchestrators.swarm.documents import decode, decode_object
from autoscaler.orchestrators.swarm.raw import child, number, text
from autoscaler.orchestrators.swarm.settings import SwarmSettings
from autoscaler.ports import Clock
from autoscaler.settings import Agent

log = structlog.get_logger(__name__)

MINUTE = 60.0
MOST_BODY = 4 * 1024 * 1024
"""Bytes of a write at most; a service has some thousand."""
MOST_LEARNT = 16 * 1024 * 1024
"""Bytes of a list at most from which templates are learnt: that of some 5,000 services."""
LOOKED_FOR_EVERY = 1.0
"""Seconds of silence after which an agent looks whether the controller still listens."""
_ID = "[0-9a-z]{25}"
_READ = re.compile(rf"(_ping|v1\.\d+/(info|version|services(/{_ID})?|tasks|nodes|networks))")
_CONFIGS = re.compile(r"v1\.\d+/configs")
_SERVICES = re.compile(rf"(v1\.\d+)/services(/{_ID})?")
_EVENTS = re.compile(r"v1\.\d+/events")
_UPDATE = re.compile(rf"(v1\.\d+)/services/({_ID})/update")
_PARAMS = frozenset({"filters", "status", "since", "until"})
"""What may be asked beside a path; `insertDefaults`, for one, may not."""


class Budget:
    """So many writes within any minute."""

    def __init__(self, per_minute: int, monotonic: Clock) -> None:
        self._per_minute = per_minute
        self._monotonic = monotonic
        self._drawn: deque[float] = deque(maxlen=max(1, per_minute))

    def draw(self) -> bool:
        """Whether one more is within it; if so, it counts."""
        now = self._monotonic()
        while self._drawn and now - self._drawn[0] >= MINUTE:
            self._drawn.popleft()
        if len(self._drawn) >= self._per_minute:
            return False
        self._drawn.append(now)
        return True


@dataclass
class Gate:
    """Serves the part of the engine's API that a controller needs."""

    settings: Agent
    engine: SwarmSettings
    monotonic: Clock
    _client: EngineClient = field(init=False)
    _connection: Connection = field(init=False)
    _budget: Budget = field(init=False)
    _admission: Admission = field(init=False)
    _templates: Templates = field(default_factory=Templates, init=False)

    def __post_init__(self) -> None:
        """It connects at the first request."""
        self._client = EngineClient(self.engine)
        self._connection = Connection(self.engine)
        self._budget = Budget(self.settings.writes, self.monotonic)
        self._admission = Admission(self.settings.gate_token_file, self.monotonic)

    def routes(self) -> Sequence[web.RouteDef]:
        """Everything below the root that no other route takes."""
        return [web.get("/{path:.*}", self.read), web.post("/{path:.*}", self.write)]

    async def close(self) -> None:
        """Give back connections; idempotent."""
        await self._client.close()
        await self._connection.close()

    async def read(self, request: web.Request) -> web.StreamResponse:
        """Pass a request on that only reads."""
        await self._admission.admit(request)
        path, params = request.match_info["path"], dict(request.query)
        if not params.keys() <= _PARAMS or not _may_be_read(path, params):
            return _refused(403, f"{path} is not for controllers")
        try:
            async with asyncio.timeout(self.engine.timeout):
                answer = await self._connection.request("GET", path, params, None)
        except (TimeoutError, OSError, aiohttp.ClientError) as error:
            return _refused(503, f"no answer from the engine: {error!r}")
        found = _SERVICES.fullmatch(path)
        if found is None or answer.status != HTTPStatus.OK:
            return await _passed_on(request, answer)
        heard = bytearray()
        response = await _passed_on(request, answer, heard)
        if len(heard) <= MOST_LEARNT:
            await self._learn(found[1], bytes(heard))
        return response

    async def _learn(self, api: str, heard: bytes) -> None:
        """Take in which templates services have, from what was passed on to the controller."""
        with suppress(AutoscalerError):
            # An older version of the API would not show templates whole.
            if api == await self._client.api():
                await self._templates.hear(heard)

    async def write(self, request: web.Request) -> web.StreamResponse:
        """Pass an update of a service on, if it changes what it may."""
        await self._admission.admit(request)
        found = _UPDATE.fullmatch(request.match_info["path"])
        version = request.query.get("version", "")
        if found is None or set(request.query) - {"version", "registryAuthFrom"}:
            return _refused(403, "controllers may update services, and write nothing else")
        try:
            spec = json.loads(await request.read())
            return await self._update(found[1], found[2], version, spec)
        except (NotAllowed, RecursionError, ValueError) as error:
            log.warning("write refused", service=found[2], reason=str(error))
            return _refused(403, f"the agent refuses this write: {error}")
        except Gone as error:
            return _refused(404, str(error))
        except AutoscalerError as error:
            return _refused(503, f"nothing was written: {error}")

    async def _update(self, api: str, key: str, version: str, spec: Any) -> web.StreamResponse:
        if api != await self._client.api():
            # An older version would drop the fields that it does not know.
            raise NotAllowed(f"writes are made at {await self._client.api()}, not at {api}")
        answer = await self._client.get(f"services/{key}")
        service = decode_object(answer.body, f"service {key}")
        if service.get("ID") != key:
            return _refused(404, f"no service has the id {key!r}")
        if str(number(child(service, "Version"), "Index")) != version:
            return _refused(500, "rpc error: code = Unknown desc = update out of sequence")
        self._templates.see(service)
        await self._check(key, service, spec)
        if not self._budget.draw():
            return _refused(429, f"rate limit: {self.settings.writes} writes a minute at most")
        return await self._post(f"{api}/services/{key}/update", version, spec)

    async def _check(self, key: str, service: dict[str, Any], spec: Any) -> None:
        """Raises NotAllowed where something speaks against a write."""
        before = child(service, "Spec")
        name = text(before, "Name")
        if not any(fnmatchcase(name, allowed) for allowed in self.settings.services):
            raise NotAllowed(f"{name} may not be changed here")
        change = writes.change(before, spec)
        most = self.settings.max_replicas
        if change.replicas is not None and change.replicas > most:
            raise NotAllowed(f"{change.replicas} replicas are more than {most}")
        if change.act is Act.ROLLBACK:
            await self._check_template(key, service, change.release)

    async def _check_template(self, key: str, service: dict[str, Any], release: str) -> None:
        """Raises NotAllowed unless the service is known to have had a template."""
        if release in self._templates.of(key):
            return
        answer = await self._client.get("tasks", {"service": [key]})
        tasks = await decode(answer.body, "task list", lambda each: each)
        if release not in writes.earlier(service, tasks):
            raise NotAllowed(
                "whether the service had this task template is not known: neither its tasks nor "
                "its last spec have it, nor has this gate seen it since it started"
            )

    async def _post(self, path: str, version: str, spec: Any) -> web.StreamResponse:
        params = {"version": version, "registryAuthFrom": "spec"}
        body = json.dumps(spec, separators=(",", ":")).encode()
        try:
            async with asyncio.timeout(self.engine.timeout):
                answer = await self._connection.request("POST", path, params, body)
                async with answer:
                    return web.Response(
                        status=answer.status, body=await answer.read(), headers=_kept(answer)
                    )
        except (TimeoutError, OSError, aiohttp.ClientError) as error:
            # It may have been done: the caller settles that by reading.
            return _refused(504, f"no answer from the engine: {error!r}")


def _may_be_read(path: str, params: Mapping[str, str]) -> bool:
    if _CONFIGS.fullmatch(path):
        # Any other config is none of the controller's business.
        return params.keys() == {"filters"} and _filters(params["filters"]) == {"label": [LABEL]}
    return bool(_READ.fullmatch(path) or _EVENTS.fullmatch(path))


def _filters(given: str) -> Any:
    try:
        return json.loads(given)
    except (ValueError, RecursionError):
        return None


async def _passed_on(
    request: web.Request, answer: aiohttp.ClientResponse, heard: bytearray | None = None
) -> web.StreamResponse:
    """The engine's answer, as it comes; events have no end.

    What passed is added to `heard`, until that is too long to learn templates from.
    """
    response = web.StreamResponse(status=answer.status, headers=_kept(answer))
    try:
        await response.prepare(request)
        while chunk := await _next(request, answer):
            await response.write(chunk)
            if heard is not None and len(heard) <= MOST_LEARNT:
                heard += chunk
        await response.write_eof()
    except (ConnectionError, aiohttp.ClientError) as error:
        log.debug("an answer broke off", error=repr(error))
    finally:
        answer.close()
    return response


async def _next(request: web.Request, answer: aiohttp.ClientResponse) -> bytes:
    """What comes next; nothing at the end, or once the controller has left.

    A controller opens a silent stream of events anew again and again. Each one that is left
    holds a connection to the engine, of which there are only so many.
    """
    while request.transport is not None and not request.transport.is_closing():
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOKED_FOR_EVERY):
                return await answer.content.readany()
    return b""


def _kept(answer: aiohttp.ClientResponse) -> dict[str, str]:
    names = ("Api-Version", "Content-Type")
    return {name: answer.headers[name] for name in names if name in answer.headers}


def _refused(status: int, told: str) -> web.Response:
    """In the engine's own form, which the controller reads anyway."""
    return web.json_response({"message": told}, status=status)
