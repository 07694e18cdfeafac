"""Cases of others will have other numbers: seeded ones are held to the formulas themselves."""

from __future__ import annotations

import pytest

from tests.conformance import hpa, hpa_variations

EACH = 400


@pytest.mark.parametrize("kind", hpa_variations.MAKERS)
def test_other_numbers_are_answered_as_the_formulas_say(kind: str) -> None:
    judged = [hpa.judge(case) for case in hpa_variations.cases(kind, EACH, seed=3)]
    assert len(judged) == EACH
    assert [one for one in judged if one.differences] == []
