"""No file, however broken, takes the service down, and each error has a place."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from autoscaler.errors import Invalid
from autoscaler.policy_files import PolicyWatcher
from autoscaler.strict_yaml import parse
from autoscaler.strict_yaml.reading import read_text

FILES = 10_000
SLICES = 10
GOOD = """\
# a shop
version: 1
policies:
  - name: shop-web
    services: [shop_web, 'api_*']
    selector: {stack: shop, labels: {tier: front}}
    mode: dry-run
    scale:
      min: 2
      max: 20
      metrics:
        - name: requests
          source: prometheus
          query: sum(rate(http_requests_total{service="$service"}[1m]))
          target: &target {average_value: 100}
        - name: other
          query: 'x{a="b"}'
          target: *target
      behavior:
        scale_down: {stabilization: 5m, policies: [{percent: 50, period: 15s}]}
      on_missing: {fallback: 6, after: 5m}
"""
TOKENS = [
    *"[]{}:,-?&*!|>'\"%@`#~=\\\n\t ",
    *(
        "- ",
        ": ",
        "\n  ",
        "<<: ",
        "&a ",
        "*a",
        "*target",
        "!!str ",
        "---\n",
        "...\n",
        "%YAML 1.1\n",
    ),
    *("yes", "null", "010", "1:30", "1e3", ".nan", ".inf", "-1", "9" * 30, "0x1F", "2024-01-01"),
    *("\x00", "\x07", "\ufeff", "\u2028", "\ud800", "\U0010ffff", "é", "[" * 40, "- " * 40),
    *(
        "min",
        "max",
        "policies",
        "services",
        "target",
        "version",
        "$service",
        '"\\ud800"',
        '"\\x00"',
    ),
    "{a: &x [*x]}",
    "true",
    "''",
]
PLACED = re.compile(r"^[^:\n]+/policies\.yaml:[0-9]+:[0-9]+: .", re.DOTALL)


def mutated(rng: random.Random) -> str:
    text = GOOD
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        mutate = rng.choice(MUTATIONS)
        text = mutate(text, rng)
    return text


def _insert(text: str, rng: random.Random) -> str:
    place = rng.randrange(len(text) + 1)
    token: str = rng.choice(TOKENS)
    return text[:place] + token + text[place:]


def _delete(text: str, rng: random.Random) -> str:
    place = rng.randrange(len(text) + 1)
    return text[:place] + text[place + rng.choice((1, 1, 3, 20, 200)) :]


def _replace_word(text: str, rng: random.Random) -> str:
    words = list(re.finditer(r"\w+", text))
    if not words:
        return text
    word = rng.choice(words)
    token: str = rng.choice(TOKENS)
    return text[: word.start()] + token + text[word.end() :]


def _move_line(text: str, rng: random.Random) -> str:
    lines = text.splitlines(keepends=True) or [""]
    line = rng.choice(lines)
    lines.insert(rng.randrange(len(lines) + 1), line)
    if rng.random() < 0.5:
        lines.remove(line)
    return "".join(lines)


def _indent(text: str, rng: random.Random) -> str:
    lines = text.splitlines(keepends=True) or [""]
    place = rng.randrange(len(lines))
    lines[place] = rng.choice((" ", "  ", "\t")) + lines[place]
    return "".join(lines)


def is_read(path: Path) -> bool:
    """Whether there are keys: what is wrong then stands at one of them."""
    try:
        return isinstance(parse(read_text(path), str(path)).data, dict)
    except Invalid:
        return False


MUTATIONS = (_insert, _delete, _replace_word, _move_line, _indent)


@pytest.mark.parametrize("part", range(SLICES))
async def test_mutated_files_are_loaded_whole_or_refused_with_places(
    part: int, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    rng = random.Random(part)
    path = tmp_path / "policies.yaml"
    watcher = PolicyWatcher([path])
    slowest = refused = 0.0
    for number in range(FILES // SLICES):
        text = mutated(rng)
        path.write_bytes(text.encode(errors="surrogatepass"))
        in_force = watcher.current
        started = time.process_time()
        good = await watcher.load()
        slowest = max(slowest, time.process_time() - started)
        refused += not good
        where = f"part {part}, file {number}:\n{text}"
        assert (watcher.current is in_force) == (not good), where
        assert good or watcher.problems, where
        keyed = not good and is_read(path)
        for problem in watcher.problems:
            assert PLACED.match(str(problem)), f"{problem}\n{where}"
            assert problem.path or not keyed, f"{problem}\n{where}"
    assert 0.3 < refused / (FILES // SLICES) < 0.99
    record_property("slowest", f"{slowest:.2f} s of CPU")
