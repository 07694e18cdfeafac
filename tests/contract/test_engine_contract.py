"""The engine model answers what a real engine answers, word for word where words decide."""

from typing import Any

import pytest

from autoscaler.testing.engine.bed import SwarmBed

Document = dict[str, Any]


async def test_every_answer_names_the_api_version(bed: SwarmBed) -> None:
    for path in ("/_ping", "/services", "/services/nothing"):
        assert (await bed.api.ask("GET", path)).headers["Api-Version"] == "1.41"


async def test_other_api_versions_are_refused(bed: SwarmBed) -> None:
    new = await bed.api.ask("GET", "/services", api="v1.99")
    assert new.status == 400
    assert new.message == ("client version 1.99 is too new. Maximum supported API version is 1.41")
    old = await bed.api.ask("GET", "/services", api="v1.10")
    assert old.status == 400
    assert "client version 1.10 is too old. Minimum supported API version is" in old.message


async def test_an_unknown_service_is_not_found(bed: SwarmBed) -> None:
    unknown = "0" * 25
    reply = await bed.api.ask("GET", f"/services/{unknown}")
    assert (reply.status, reply.message) == (404, f"service {unknown} not found")


async def test_an_update_needs_the_version_of_now(bed: SwarmBed, name: str) -> None:
    service = await bed.read(await bed.create(name, 1))
    for version in (service["Version"]["Index"] - 1, service["Version"]["Index"] + 1000):
        reply = await bed.api.update(service, service["Spec"], version=str(version))
        assert reply.status == 500
        assert reply.message == "rpc error: code = Unknown desc = update out of sequence"
    reply = await bed.api.update(service, service["Spec"], version="x")
    assert reply.status == 400
    assert "invalid service version 'x'" in reply.message


def counted(count: int) -> Document:
    return {"Mode": {"Replicated": {"Replicas": count}}}


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        (counted(-1), 400, "json: cannot unmarshal number -1 into Go struct field"),
        ({"Mode": {"Global": {}}}, 501, "service mode change is not allowed"),
        ({"Name": "other"}, 501, "renaming services is not supported"),
        ({"TaskTemplate": {}}, 400, "mismatched Runtime and *Spec fields"),
    ],
)
async def test_what_an_update_cannot_change(
    bed: SwarmBed, name: str, change: Document, status: int, words: str
) -> None:
    service = await bed.read(await bed.create(name, 1))
    reply = await bed.api.update(service, {**service["Spec"], **change})
    assert reply.status == status
    assert words in reply.message
    assert await bed.read(service["ID"]) == service


@pytest.mark.parametrize(
    ("parameter", "value", "status", "words"),
    [
        ("registryAuthFrom", "nope", 500, "unsupported registryAuthFrom value"),
        ("registryAuthFrom", "previous-spec", 500, "service does not have a previous spec"),
        ("rollback", "junk", 500, "unrecognized rollback option junk"),
        ("rollback", "previous", 400, "does not have a previous spec"),
    ],
)
async def test_parameters_that_an_update_refuses(
    bed: SwarmBed, name: str, parameter: str, value: str, status: int, words: str
) -> None:
    service = await bed.read(await bed.create(name, 1))
    reply = await bed.api.update(service, service["Spec"], **{parameter: value})
    assert reply.status == status
    assert words in reply.message


async def test_a_spec_that_is_no_object_is_refused(bed: SwarmBed, name: str) -> None:
    service = await bed.read(await bed.create(name, 1))
    reply = await bed.api.update(service, [1])
    assert reply.status == 400
    assert reply.message == ("json: cannot unmarshal array into Go value of type swarm.ServiceSpec")


async def test_a_name_is_taken_once(bed: SwarmBed, name: str) -> None:
    await bed.create(name, 1)
    reply = await bed.api.ask("POST", "/services/create", bed.spec(name))
    assert reply.status == 409
    assert f"service {name} already exists" in reply.message


async def test_name_and_id_filters_compare_beginnings(bed: SwarmBed, name: str) -> None:
    ids = {await bed.create(name, 1), await bed.create(f"{name}-admin", 1)}
    by_name = await bed.api.get("/services", filters={"name": [f"{name}"]})
    assert {each["ID"] for each in by_name} == ids
    for service_id in ids:
        by_id = await bed.api.get("/services", filters={"id": [service_id[:20]]})
        assert [each["ID"] for each in by_id] == [service_id]


async def test_unknown_filters_are_refused(bed: SwarmBed) -> None:
    for path in ("/services", "/tasks"):
        reply = await bed.api.ask("GET", path, filters={"colour": ["red"]})
        assert (reply.status, reply.message) == (400, "Invalid filter 'colour'")
    reply = await bed.api.ask("GET", "/tasks", filters={"desired-state": ["x"]})
    assert (reply.status, reply.message) == (500, "Invalid desired-state filter: 'x'")
