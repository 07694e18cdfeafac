"""The YAML examples in a plugin's docstring, or in that of its module."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from typing import Any

from autoscaler.strict_yaml import parse


def examples(plugin: type, key: str) -> list[Any]:
    """What stands under `key:` in each example; raises Problems for one that is no YAML.

    An example is a line that begins with the key, with the lines that are indented below it.
    """
    module = sys.modules[plugin.__module__]
    texts = [inspect.getdoc(documented) or "" for documented in (plugin, module)]
    return [parse(example).data[key] for text in texts for example in _examples(text, key)]


def _examples(text: str, key: str) -> Iterator[str]:
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if line.lstrip().startswith(f"{key}:"):
            depth = _depth(line)
            below = list(_deeper(lines[number + 1 :], depth))
            yield "\n".join(each[depth:] for each in (line, *below))


def _deeper(lines: list[str], depth: int) -> Iterator[str]:
    for line in lines:
        if _depth(line) <= depth or not line.strip():
            return
        yield line


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip())
