"""Commands that ask a running controller say what they say of its store."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from autoscaler.model import Template
from autoscaler.settings import Api
from autoscaler.store import SqliteStore
from autoscaler.testing.builders import a_metric, a_policy_document, a_service
from autoscaler.testing.desk import a_site
from autoscaler.testing.scenario import Scenario
from autoscaler.testing.scripted_source import constant
from autoscaler.testing.served import Served
from autoscaler.web import build
from tests.unit.cli.conftest import STORE, Call

POLICY = a_policy_document(
    min=2,
    max=20,
    metrics=[a_metric("load", average_value=100)],
    policy={"name": "shop", "services": ["web", "db"]},
)
TOKENS = {"reader": "read", "ann": "operate"}


@pytest.fixture
def url(elsewhere: Path) -> Iterator[str]:
    """A controller that has made some passes, whose store can be read beside it."""
    for name in TOKENS:
        Path(name).write_text(f"token-of-{name}-in-tests")
    tokens = {name: {"file": name, "scopes": [scope]} for name, scope in TOKENS.items()}
    api = Api.model_validate({"tokens": tokens})

    @asynccontextmanager
    async def made() -> AsyncIterator[web.Application]:
        services = [a_service(3), a_service(2, id="db-id", name="db")]
        store = await SqliteStore.open(STORE)
        scene = Scenario(*services, policies=[POLICY], answer=constant(500.0), store=store)
        async with scene:
            await scene.cycles(3)
            for number in (1, 2):
                raw = json.dumps({"ContainerSpec": {"Image": f"app:{number}"}})
                template = Template(release=f"r{number}", image=f"app:{number}", raw=raw)
                await store.keep("web-id", template, float(number), 5)
            scene.passes.revisions.update(await store.revisions())
            yield build(a_site(scene, api))

    with Served(made) as served:
        yield served.url


def over(url: str, name: str = "reader") -> list[str]:
    """The options that lead there."""
    return ["--url", url, "--token-file", name]


@pytest.mark.parametrize(
    "words",
    [
        "status",
        "status --json",
        "history --since 100000h",
        "history --since 100000h --limit 1 --json",
        "history --since 100000h --service web --actions",
        "explain web",
        "explain web --json",
        "explain db --last-change",
        "explain web --record",
        "revisions web",
        "revisions web --json",
    ],
)
def test_the_same_is_said_of_a_controller_as_of_its_store(call: Call, url: str, words: str) -> None:
    of_store = call(*words.split())
    of_controller = call(*words.split(), *over(url))
    assert of_store.exit_code == of_controller.exit_code == 0, of_controller.output
    assert of_controller.output == of_store.output
    assert any(word in of_store.output for word in ("web", "db", "app:1 -> app:2"))


@pytest.mark.parametrize(
    "words",
    ["status", "history", "explain web", "revisions web", "pause web", "resume", "restart web"],
)
def test_a_store_beside_a_controller_is_refused(call: Call, url: str, words: str) -> None:
    said = call(*words.split(), "--store", STORE, *over(url, "ann"))
    assert (said.exit_code, "is asked, not a store: leave out --store" in said.output) == (2, True)


def test_the_environment_may_lead_there_too(
    call: Call, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = call("status").output
    monkeypatch.setenv("AUTOSCALER_STORE", "nowhere.db")
    monkeypatch.setenv("AUTOSCALER_CLIENT__URL", url)
    monkeypatch.setenv("AUTOSCALER_CLIENT__TOKEN_FILE", "reader")
    assert call("status").output == told


def test_orders_are_given_and_withdrawn_in_the_name_of_the_token(call: Call, url: str) -> None:
    there = over(url, "ann")
    said = call("pause", "web", "--for", "2h", *there)
    assert "web is paused from the next pass on, until" in said.output
    said = call("pause", "web", "--reason", "a move", *there)
    assert said.output == "web is paused from the next pass on.\n"
    assert "by ann: a move" in call("status").output
    assert "by ann: a move" in call("status", *there).output
    assert call("resume", "web", *there).output == "web is resumed from the next pass on.\n"
    assert call("resume", "web", *there).output == "web was not paused.\n"
    assert call("quarantine", "release", "web", *there).exit_code == 0
    assert call("pause", *there).exit_code == 0


def test_a_name_that_is_not_known_is_told(call: Call, url: str) -> None:
    said = call("pause", "wbe", *over(url, "ann"))
    assert "did you mean web" in said.output
    said = call("explain", "wbe", *over(url))
    assert (said.exit_code, "did you mean web" in said.output) == (1, True)


def test_an_actor_is_not_for_the_client_to_say(call: Call, url: str) -> None:
    assert call("pause", "--actor", "bob", *over(url, "ann")).exit_code == 2


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--token-file", "ann", "--url", "http://127.0.0.1:1"], "connection refused"),
        (["--token-file", "nothing"], "cannot read a token from nothing"),
        (["--token-file", "wrong"], "answers 401"),
        (["--token-file", "reader"], "answers 403: reader lacks the scope operate"),
        ([], "answers 401"),
        (["--url", "ftp://host"], "client.url"),
        (["--url", "http://user:pass@host"], "client.url"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(call: Call, url: str, words: list[str], told: str) -> None:
    Path("wrong").write_text("token-of-nobody-in-tests")
    said = call("pause", "--url", url, *words)
    assert said.exit_code == 1
    assert told in said.output
    assert "pass@" not in said.output
