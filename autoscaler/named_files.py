"""Files that settings name: what cannot be used of them is told at the start, and by `check`.

Most are read when they are needed, so that they can be changed; that may be long after.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from pydantic import ValidationError

from autoscaler import plugins
from autoscaler.errors import Invalid, Permanent
from autoscaler.ports import Pace
from autoscaler.problems import Path as Keys
from autoscaler.problems import Problem
from autoscaler.settings import Settings
from autoscaler.tokens import read_tokens

log = structlog.get_logger("autoscaler")

Named = Iterator[tuple[Keys, Callable[[], object]]]
"""Where a file is named, and what raises Permanent if it cannot be used."""


def of_controller(settings: Settings) -> list[Problem]:
    """What the controller could not use."""
    return _problems((*_of_api(settings), *_of_agents(settings), *_of_plugins(settings)))


def of_agent(settings: Settings) -> list[Problem]:
    """What an agent could not use."""
    named: list[tuple[Keys, Callable[[], object]]] = []
    if settings.controller is not None:
        named.append((("agents", "token_file"), partial(read_tokens, settings.agents.token_file)))
    if settings.agent.gate:
        gate = partial(read_tokens, settings.agent.gate_token_file)
        named.append((("agent", "gate_token_file"), gate))
    return _problems(named)


def tell(problems: Iterable[Problem]) -> None:
    """A line of the log for each; nothing ends because of them."""
    for each in problems:
        place = ".".join(map(str, each.path))
        log.warning("file cannot be used", setting=place, reason=each.message)


def _problems(named: Iterable[tuple[Keys, Callable[[], object]]]) -> list[Problem]:
    found = []
    for path, read in named:
        try:
            read()
        except Permanent as error:
            found.append(Problem("settings", None, path, str(error)))
    return found


def _of_api(settings: Settings) -> Named:
    for name, token in settings.api.tokens.items():
        yield ("api", "tokens", name, "file"), partial(read_tokens, token.file)
    basic = settings.api.basic
    if basic is not None:
        yield ("api", "basic", "password_file"), partial(read_tokens, basic.password_file)


def _of_agents(settings: Settings) -> Named:
    """Without its file the controller takes no agents: that is for who states it to mind."""
    agents = settings.agents
    if "token_file" in agents.model_fields_set or agents.token_file.exists():
        yield ("agents", "token_file"), partial(read_tokens, agents.token_file)


def _of_plugins(settings: Settings) -> Named:
    cluster = dict(settings.orchestrator)
    yield from _of_plugin(("orchestrator",), "orchestrators", str(cluster.get("type")), cluster)
    for kind, all_ in (("sources", settings.sources), ("notifiers", settings.notifiers)):
        for name, options in all_.items():
            yield from _of_plugin((kind, name), kind, str(options.get("type", name)), options)


def _of_plugin(path: Keys, kind: str, name: str, options: Mapping[str, Any]) -> Named:
    """Whatever is a path among its settings; notifiers look more closely themselves."""
    rest = {key: value for key, value in options.items() if key != "type"}
    try:
        stated = plugins.model(kind, name, "Settings").model_validate(rest)
    except (Invalid, ValidationError):
        return  # told of before
    files = [(key, value) for key, value in stated if isinstance(value, Path)]
    if isinstance(stated, Pace) and files:
        yield path, stated.check_files
        return
    for key, file in files:
        yield (*path, key), partial(_readable, file)


def _readable(file: Path) -> None:
    try:
        with file.open("rb") as opened:
            there = opened.read(1)
    except OSError as error:
        raise Permanent(f"cannot read {file}: {error.strerror}") from error
    if not there:
        raise Permanent(f"{file} is empty")
