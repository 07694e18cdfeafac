"""Policy files for tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import indent

import pytest

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a file below `policies`; directories are made."""

    def write_file(name: str, text: str) -> Path:
        path = tmp_path / "policies" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    return write_file


def policy(name: str = "shop-web", services: str = "[shop_web]", rest: str = "") -> str:
    """One entry of `policies:`."""
    return indent(f"- name: {name}\n  services: {services}\n", "  ") + indent(rest, "    ")


def policies(*entries: str) -> str:
    """A file of entries."""
    return "version: 1\npolicies:\n" + "".join(entries)
