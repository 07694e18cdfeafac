"""Who may join in: a shared secret from a file, several at once while it is rotated."""

from __future__ import annotations

from pathlib import Path

import pytest

from autoscaler.errors import Permanent
from autoscaler.tokens import is_known, read_tokens

ONE, TWO = "first-token-of-the-tests", "second-token-of-the-tests"


def test_each_line_is_a_token_and_the_first_is_the_agents_own(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(f"{ONE}\n\n  {TWO}\n")
    assert read_tokens(file) == (ONE, TWO)


@pytest.mark.parametrize("shown", [ONE, TWO])
def test_every_one_of_them_is_known(shown: str) -> None:
    assert is_known(shown, (ONE, TWO))


@pytest.mark.parametrize("shown", ["", ONE[:-1], ONE + "x", ONE.upper(), "\udcff", "é" * 20])
def test_nothing_else_is(shown: str) -> None:
    assert not is_known(shown, (ONE, TWO))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "must hold one to 8 tokens"),
        (b"short\n", "at least 16"),
        (b"a token with a\x07bell in it\n", "printable"),
        ("ünïcödé token of the tests".encode(), "cannot read"),
        (b"x" * 5000, "must hold one to 8 tokens"),
        (b"token-of-the-tests\n" * 9, "must hold one to 8 tokens"),
    ],
)
def test_a_file_that_is_of_no_use_is_refused(tmp_path: Path, content: bytes, told: str) -> None:
    file = tmp_path / "token"
    file.write_bytes(content)
    with pytest.raises(Permanent, match=told):
        read_tokens(file)


def test_a_file_that_is_not_there_is_refused_and_its_name_told(tmp_path: Path) -> None:
    with pytest.raises(Permanent, match="nowhere"):
        read_tokens(tmp_path / "nowhere")
