"""What a gate remembers of the templates of services."""

from __future__ import annotations

import json
from typing import Any

import pytest

from autoscaler.agent import templates
from autoscaler.agent.templates import Templates, identity


def template(release: int, **more: object) -> dict[str, Any]:
    return {"ContainerSpec": {"Image": f"web:{release}", "Env": ["PASSWORD=secret"]}, **more}


def service(release: int, version: int | None = None, key: str = "web") -> dict[str, Any]:
    spec = {"Name": key, "TaskTemplate": template(release)}
    return {"ID": key, "Version": {"Index": version or release}, "Spec": spec}


def test_a_template_is_the_same_after_a_restart_and_without_its_runtime() -> None:
    assert identity(template(1, ForceUpdate=7, Runtime="container")) == identity(template(1))
    assert identity(template(2)) != identity(template(1))


def test_each_template_of_a_service_is_known_and_of_no_other_service() -> None:
    known = Templates()
    for release in (1, 2, 3):
        known.see(service(release))
    assert known.of("web") == {identity(template(release)) for release in (1, 2, 3)}
    assert known.of("shop") == frozenset()


def test_the_spec_before_the_last_write_is_known_too() -> None:
    known = Templates()
    known.see({**service(2), "PreviousSpec": service(1)["Spec"]})
    assert known.of("web") == {identity(template(1)), identity(template(2))}


async def test_lists_and_single_services_are_understood_and_anything_else_is_left() -> None:
    known = Templates()
    await known.hear(json.dumps([service(1), service(1, key="shop")]).encode())
    await known.hear(json.dumps(service(2)).encode())
    for other in (b"", b"null", b"{", b"[1, null, {}]", b"<html>", b"\xff"):
        await known.hear(other)
    assert known.of("web") == {identity(template(1)), identity(template(2))}
    assert known.of("shop") == {identity(template(1))}


async def test_of_a_list_that_broke_off_nothing_is_learnt() -> None:
    known = Templates()
    await known.hear(json.dumps([service(1), service(1, key="shop")]).encode()[:-9])
    assert known.of("web") == known.of("shop") == frozenset()


def test_the_last_templates_of_a_service_are_remembered_and_no_more() -> None:
    known = Templates()
    for release in range(1, templates.MOST_EACH + 2):
        known.see(service(release))
    assert len(known.of("web")) == templates.MOST_EACH
    assert identity(template(1)) not in known.of("web")


def test_the_service_that_was_seen_longest_ago_is_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(templates, "MOST_SERVICES", 2)
    known = Templates()
    for key in ("a", "b", "a", "c"):
        known.see(service(1, key=key))
    assert [bool(known.of(key)) for key in ("a", "b", "c")] == [True, False, True]


def test_no_template_is_kept_as_it_is() -> None:
    known = Templates()
    known.see(service(1))
    assert "secret" not in repr(vars(known))
