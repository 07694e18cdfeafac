"""`docs/labels.md` says what labels.py and the models do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from autoscaler import labels
from autoscaler.label_places import ADDRESSES, SECTIONS, short_keys
from autoscaler.policy import Cooldown, Scale
from autoscaler.strict_yaml import parse
from autoscaler.testing.builders import a_service

PAGE = (Path(__file__).parents[3] / "docs" / "labels.md").read_text()
MEANINGS = PAGE.partition("## How a label's name is read")[2].partition("## All labels")[0]
ALL = PAGE.partition("## All labels")[2].partition("## Files win")[0]
NAMED = set(re.findall(r"`(autoscaler\.[^`:]+)`", ALL.replace("`.after`", "")))


@pytest.mark.parametrize(
    ("label", "place"), re.findall(r"^\| `(.+?)` \| `(.+?)` \|$", MEANINGS, re.MULTILINE)
)
def test_a_label_stands_where_the_page_says(label: str, place: str) -> None:
    stated = parse(f"autoscaler.enable: 'true'\n{label}").data
    service = a_service(labels={key: str(text) for key, text in stated.items()})
    found = labels.read(service)
    assert found is not None
    meant = parse(place).data
    assert as_text({key: found.document[key] for key in meant}) == as_text(meant)


def as_text(data: object) -> object:
    """Labels are text; whether they mean numbers is told by the model."""
    if isinstance(data, dict):
        return {key: as_text(item) for key, item in data.items()}
    return [as_text(item) for item in data] if isinstance(data, list) else str(data)


def test_every_key_of_scale_is_on_the_page() -> None:
    missing = [
        key
        for key in Scale.model_fields
        if not any(
            name == f"autoscaler.{key}" or name.startswith(f"autoscaler.{key}.") for name in NAMED
        )
    ]
    assert missing == []
    assert {f"autoscaler.cooldown.{key}" for key in Cooldown.model_fields} <= NAMED


def test_every_label_on_the_page_has_a_place() -> None:
    first = {name.split(".")[1] for name in NAMED}
    known = {"enable", "mode", *SECTIONS, *Scale.model_fields, *short_keys()}
    assert first - known == set()
    assert not first & set(ADDRESSES)


def test_short_forms_do_not_hide_keys_of_scale() -> None:
    assert short_keys() & {"enable", "mode", *SECTIONS, *Scale.model_fields} == set()
    assert {*SECTIONS} & {*Scale.model_fields} == set()


def test_the_bounds_on_the_page_hold() -> None:
    told = (
        f"{labels.MOST_LABELS} of these labels at most, each name {labels.LONGEST_NAME} characters"
    )
    assert told in " ".join(PAGE.split())
    assert f"each value {labels.LONGEST_VALUE}." in " ".join(PAGE.split())
