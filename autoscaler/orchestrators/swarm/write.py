"""The writes: a service's replica count, its restart counter or its template, nothing else.

The spec is read raw (never with `insertDefaults`: that alone would restart every task) and
posted back as it came, unknown fields and nulls included, with the version it was read at.
No `X-Registry-Auth` is sent, so that the engine keeps the credentials that it has.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import Any

from autoscaler.errors import AutoscalerError, Conflict, Gone, OutcomeUnknown, Permanent, Refused
from autoscaler.model import Action, Mode, Service, Template
from autoscaler.orchestrators.swarm import translate
from autoscaler.orchestrators.swarm.client import Answer, EngineClient
from autoscaler.orchestrators.swarm.documents import decode_object
from autoscaler.orchestrators.swarm.raw import child, number

_LAG = (0.02, 0.1, 0.5)
"""Seconds to wait for a read that still shows the version before our write."""


async def scale(client: EngineClient, action: Action) -> Service:
    """Set the replica count of a service that is still at `action.version`.

    No write when it has that count already. Raises Conflict, OutcomeUnknown, Temporary or
    Permanent as the port says.
    """
    if action.replicas < 0:
        raise Permanent(f"{action.service}: {action.replicas} replicas cannot be")
    answer, raw = await read(client, action.service_id)
    before = translate.service(raw)
    if before.version == action.version and before.mode is not Mode.REPLICATED:
        raise Permanent(f"{before.name} is {before.mode}: only replicated services are scaled")
    _check(before, action)
    if before.replicas == action.replicas:
        return before
    return await _post(client, answer, before, with_replicas(child(raw, "Spec"), action.replicas))


async def restart(client: EngineClient, action: Action) -> Service:
    """Let Swarm replace all tasks of a service that is still at `action.version`.

    It does so under the service's own update settings. Raises what `scale` raises.
    """
    answer, raw = await read(client, action.service_id)
    before = translate.service(raw)
    if before.version == action.version and before.runs_once:
        raise Permanent(f"{before.name} is a {before.mode}: a write would run it again")
    _check(before, action)
    if action.forced is None or action.forced <= before.forced:
        raise Permanent(f"{before.name}: a restart must count up from {before.forced}")
    return await _post(client, answer, before, with_force(child(raw, "Spec"), action.forced))


async def restore(client: EngineClient, action: Action, template: Template) -> Service:
    """Give a service that is still at `action.version` an earlier task template back.

    The engine checks the secrets, configs and networks that the template names in the same
    step in which it writes, and refuses it if one is gone. Raises what `scale` raises.
    """
    answer, raw = await read(client, action.service_id)
    before = translate.service(raw)
    if before.version == action.version and before.runs_once:
        raise Permanent(f"{before.name} is a {before.mode}: a write would run it again")
    _check(before, action)
    kept = _unpacked(template, action)
    if before.template == action.release:
        return before
    return await _post(client, answer, before, with_template(child(raw, "Spec"), kept))


def _unpacked(template: Template, action: Action) -> dict[str, Any]:
    """The template that an action is about. Raises Refused for another one."""
    with suppress(ValueError, RecursionError):
        kept = json.loads(template.raw)
        if isinstance(kept, dict) and translate.template_hash(kept) == action.release:
            return kept
    raise Refused(f"{action.service}: what is kept of release {action.release} is another one")


def with_template(spec: dict[str, Any], kept: dict[str, Any]) -> dict[str, Any]:
    """The spec with another template, whose restart counter never falls."""
    counts = (number(each, "ForceUpdate") or 0 for each in (child(spec, "TaskTemplate"), kept))
    return {**spec, "TaskTemplate": {**kept, "ForceUpdate": max(counts)}}


def with_force(spec: dict[str, Any], count: int) -> dict[str, Any]:
    """The spec with another restart counter; the rest is shared, not copied."""
    return {**spec, "TaskTemplate": {**child(spec, "TaskTemplate"), "ForceUpdate": count}}


async def _post(
    client: EngineClient, answer: Answer, before: Service, spec: dict[str, Any]
) -> Service:
    """Write a spec in place of the one that was read, and read the service after it."""
    await client.post(
        f"services/{before.id}/update",
        spec,
        answer.api,
        version=str(before.version),
        registryAuthFrom="spec",
    )
    return await _read_back(client, before)


def with_replicas(spec: dict[str, Any], replicas: int) -> dict[str, Any]:
    """The spec with another replica count; the rest is shared, not copied."""
    mode = child(spec, "Mode")
    replicated = {**child(mode, "Replicated"), "Replicas": replicas}
    return {**spec, "Mode": {**mode, "Replicated": replicated}}


async def read(client: EngineClient, service_id: str) -> tuple[Answer, dict[str, Any]]:
    """One service, raw. Raises Gone unless exactly this id answers.

    The engine looks for the id, then for a name, then for an id that begins so.
    """
    answer = await client.get(f"services/{service_id}")
    raw = decode_object(answer.body, f"service {service_id}")
    if raw.get("ID") != service_id:
        raise Gone(f"no service has the id {service_id!r}")
    return answer, raw


def _check(found: Service, action: Action) -> None:
    if found.version != action.version:
        raise Conflict(f"{found.name} is at version {found.version}, decided from {action.version}")
    if not found.rollout.settled and found.rollout is not action.over:
        raise Conflict(f"{found.name} is {found.rollout}: a write would disturb its rollout")


async def _read_back(client: EngineClient, before: Service) -> Service:
    """The service after our write, which has happened: only reading can fail from here."""
    try:
        for wait in (*_LAG, None):
            _, raw = await read(client, before.id)
            after = translate.service(raw)
            if after.version != before.version:
                return after
            if wait is not None:
                await asyncio.sleep(wait)
    except AutoscalerError as error:
        raise OutcomeUnknown(f"{before.name} was written, and not read back: {error}") from error
    raise OutcomeUnknown(f"{before.name} was written, and reads as before")
