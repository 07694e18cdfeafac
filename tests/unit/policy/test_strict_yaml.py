"""YAML that means one thing only, with the place of every key."""

from __future__ import annotations

import contextlib

import pytest

from autoscaler.problems import Place, Problems
from autoscaler.strict_yaml import LARGEST, MOST_VALUES, parse


def refusal(text: str) -> str:
    with pytest.raises(Problems) as caught:
        parse(text, "f.yaml")
    return str(caught.value)


def test_reads_plain_data() -> None:
    text = """
text: some words      # a comment
address: 127.0.0.1:9095
whole: -5
fraction: .5
exponent: 1.0e-5
truth: true
nothing: ~
quoted: "yes"
block: |
  line
list: [1, {a: b}]
"""
    assert parse(text).data == {
        "text": "some words",
        "address": "127.0.0.1:9095",
        "whole": -5,
        "fraction": 0.5,
        "exponent": 0.00001,
        "truth": True,
        "nothing": None,
        "quoted": "yes",
        "block": "line\n",
        "list": [1, {"a": "b"}],
    }


def test_an_empty_text_is_nothing() -> None:
    assert parse("").data is None
    assert parse("# only a comment\n").data is None


def test_each_path_has_the_place_of_its_key() -> None:
    document = parse("a:\n  - b: 1\n    c:\n      d: 2\n")
    assert document.places[("a",)] == Place(1, 1)
    assert document.places[("a", 0, "b")] == Place(2, 5)
    assert document.places[("a", 0, "c", "d")] == Place(4, 7)
    assert document.place(("a", 0, "c", "missing", "deeper")) == Place(3, 5)


@pytest.mark.parametrize("word", ["yes", "No", "ON", "off", "Yes", "NO"])
def test_words_that_some_readers_take_for_a_truth_value_are_refused(word: str) -> None:
    meant = "true" if word.lower() in ("yes", "on") else "false"
    assert f'write {meant}, or "{word}"' in refusal(f"a: {word}")
    assert f'write {meant}, or "{word}"' in refusal(f"{word}: a")
    assert parse(f'a: "{word}"').data == {"a": word}


@pytest.mark.parametrize(
    "number",
    ["010", "0o17", "0b11", "1:30", "8:00", "1e3", "1.5e3", "1_000", "2024-01-01", "-0x1F", "08"],
)
def test_numbers_that_readers_disagree_about_are_refused(number: str) -> None:
    assert refusal(f"a:\n  b: {number}").startswith(f"f.yaml:2:3: a.b: {number} ")
    assert parse(f"a: '{number}'").data == {"a": number}


@pytest.mark.parametrize("number", [".nan", ".inf", "-.Inf", "1.0e+999"])
def test_a_number_is_finite(number: str) -> None:
    assert number in refusal(f"a: {number}")


def test_a_number_has_at_most_18_digits() -> None:
    assert "too large" in refusal(f"a: {'9' * 5000}")


def test_a_duplicate_key_is_refused_with_both_lines() -> None:
    assert refusal("a:\n  b: 1\n  c: 2\n  b: 3\n") == (
        "f.yaml:4:3: a.b: duplicate key, first in line 2"
    )


@pytest.mark.parametrize("key", ["1", "1.5", "true", "null", "~"])
def test_a_key_is_text(key: str) -> None:
    assert refusal(f"{key}: a") == f'f.yaml:1:1: {key}: a key is text: write "{key}" in quotes'


def test_all_problems_are_told_at_once() -> None:
    assert refusal("a: yes\nb: 010\nc: 1\nc: 2\n").count("f.yaml:") == 3


def test_a_flood_of_problems_is_cut_short() -> None:
    assert refusal("a: 1\n" * 1000).endswith("and 899 more")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: !!str 3", "f.yaml:1:4: a: tags are not read"),
        ("a: !!python/object/apply:os.system [ls]", "tags are not read"),
        ("a: 1\n---\nb: 2", "f.yaml:2:1: a second document"),
        ("%YAML 1.1\n---\na: 1", "directives are not read"),
        ("a: *b", "f.yaml:1:4: a: no anchor &b stands before *b"),
        ("a: &x [*x]", "*x stands inside of &x"),
        ("<<: {a: 1}", "<< has a special meaning"),
        ("? [a]\n: 1", "a key is text, not a list"),
        ("b:\n  - a: 1\n    c: b: d", "f.yaml:3:9: b.0: a colon and a space within a value"),
        ("b:\n  - a: 1\n\tc: b", "f.yaml:3:1: b.0: a tab; indent with spaces"),
        ("a: [1", "not YAML"),
        ("a: \x00", "f.yaml:1:4: control character U+0000"),
        ('a: "\\x07"', "f.yaml:1:4: a: control character U+0007"),
        ('a: "\\ud800"', "f.yaml:1:4: a: control character U+D800"),
        ('a: "\\U00110000"', "not YAML"),
    ],
)
def test_what_is_refused_has_a_place(text: str, message: str) -> None:
    assert message in refusal(text)


def test_anchors_repeat_values() -> None:
    document = parse("a: &list [1, 2]\nb: *list\n")
    assert document.data == {"a": [1, 2], "b": [1, 2]}
    assert document.places[("b", 0)] == Place(1, 11)


def test_a_bomb_of_aliases_is_refused() -> None:
    levels = [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 9)]
    assert f"more than {MOST_VALUES} values" in refusal("\n".join(["a0: &a0 [x, x]", *levels]))


def test_aliases_cannot_go_round_the_limit_on_depth() -> None:
    levels = [f"a{i}: &a{i} [{'[' * 9}*a{i - 1}{']' * 9}]" for i in range(1, 9)]
    assert "32 levels deep" in refusal("\n".join(["a0: &a0 [x]", *levels]))


@pytest.mark.parametrize("text", ["[" * 5000, "- " * 5000, "[" * 5000 + "]" * 5000])
def test_depth_is_bounded(text: str) -> None:
    assert "more than 32 levels deep" in refusal(text)


def test_size_is_bounded() -> None:
    assert refusal("#" * (LARGEST + 1)) == (
        "f.yaml: larger than 256 KiB: split it into several files"
    )
    assert "larger than" in refusal("ü" * (LARGEST // 2 + 1))


@pytest.mark.parametrize(
    "unit", ["[", "{", "- ", '"a\n', "a:", "a,", "&", "!", "\n", "\t", "'", "a: 1\n", "? ", "# "]
)
def test_each_text_of_full_size_is_read_or_refused(unit: str) -> None:
    """What takes the square of the size would not end before the test's own time is over."""
    with contextlib.suppress(Problems):
        parse((unit * LARGEST)[:LARGEST])
