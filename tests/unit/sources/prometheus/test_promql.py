"""Where a name may stand in a query, and that no name changes what is asked."""

import re
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from autoscaler.sources.prometheus.promql import quote_regex, template, tokens

NASTY = 'x"} or vector(0) or foo{a="'
NAMES = st.text(min_size=1).filter(lambda name: not any(0xD800 <= ord(c) <= 0xDFFF for c in name))


def fill(query: str, service: str = "shop_web", stack: str | None = "shop") -> str:
    return template(query).fill(service=service, stack=stack)


def unquote(literal: str) -> str:
    return literal[1:-1].encode("ascii").decode("unicode_escape")


@pytest.mark.parametrize(
    ("query", "filled"),
    [
        ('up{job="$service"}', 'up{job="shop_web"}'),
        ('up{job="${service}"}', 'up{job="shop_web"}'),
        ("up{job!='$service'}", "up{job!='shop_web'}"),
        ("up{job=`$service`}", 'up{job="shop_web"}'),
        ('up{job=~`\\d+ "$service"`}', 'up{job=~"\\\\d+ \\u0022shop_web\\u0022"}'),
        ('up{a="$service", b="$stack/${service}x"}', 'up{a="shop_web", b="shop/shop_webx"}'),
        ('sum(rate(x{s="$service"}[5m])) / up{s="$stack"}', None),
        ('label_replace(up{a="$stack"}, "b", "$1", "a", "(.*)")', None),
        ("up", "up"),
    ],
)
def test_a_placeholder_in_a_matcher_is_filled_in(query: str, filled: str | None) -> None:
    expected = filled or query.replace("$service", "shop_web").replace("$stack", "shop")
    assert fill(query) == expected


@pytest.mark.parametrize(
    "query",
    [
        "$service",
        "up * $service",
        "up{$service='a'}",
        "up{job=$service}",
        'label_replace(up, "a", "$service", "b", "c")',
        '{"$service"="a"}',
        '{"$service"}',
        "up{} == bool on (${stack}) up",
        'up{job="$servcie"}',
        'up{job="${}"}',
    ],
)
def test_a_placeholder_elsewhere_is_refused(query: str) -> None:
    with pytest.raises(ValueError, match=r"placeholder|in the string of a label matcher"):
        template(query)


@pytest.mark.parametrize(
    "query",
    [
        'up{job=~"[$service]"}',
        r'up{job=~"\\$service"}',
        r"up{job=~`\$service`}",
        r'up{job=~"\\Q$service\\E"}',
        'up{job=~"$service*"}',
        'up{job=~"${service}{2}"}',
        'up{job=~"x{$service}"}',
        'up{job=~"(?P<$service>x)"}',
    ],
)
def test_a_name_must_stand_for_itself_in_a_regular_expression(query: str) -> None:
    with pytest.raises(ValueError, match="must stand for itself"):
        template(query)


@pytest.mark.parametrize("query", ['up{job="a}', "up{job='a\\'}", 'up{job="\\q"}', 'up{a="\n"}'])
def test_a_string_that_is_not_well_formed_is_refused(query: str) -> None:
    with pytest.raises(ValueError, match="a string that does not end"):
        template(query)


@pytest.mark.parametrize("query", ["sum(up", "up)", "rate(x[5m)", "up{a=')'", "(]"])
def test_brackets_that_do_not_match_are_refused(query: str) -> None:
    with pytest.raises(ValueError, match="clos"):
        template(query)


def test_brackets_in_strings_and_comments_do_not_count() -> None:
    assert fill('up{a="(", b=`{`} # ((( $service') == 'up{a="(", b=`{`} # ((( $service'


def test_a_service_without_a_stack_cannot_fill_one_in() -> None:
    with pytest.raises(ValueError, match="no stack"):
        fill('up{stack="$stack"}', stack=None)


def test_half_a_character_is_refused() -> None:
    with pytest.raises(ValueError, match="half a character"):
        fill('up{job="$service"}', service="a\ud800")


@given(NAMES)
@example(NASTY)
@example("\\")
@example("'\"`\n\r\0$service${stack}{}[]#")
@example("\ufffd\U0001f600")
@pytest.mark.parametrize("quote", ['"', "'", "`"])
@pytest.mark.parametrize("operator", ["=", "!=", "=~", "!~"])
def test_no_name_changes_the_structure_of_a_query(operator: str, quote: str, name: str) -> None:
    query = f"sum(rate(x{{a='1', s{operator}{quote}p $service s{quote}}}[5m])) / count(up) # end"
    harmless, filled = tokens(fill(query)), tokens(fill(query, service=name))
    assert [token.kind for token in filled] == [token.kind for token in harmless]
    differing = [new for old, new in zip(harmless, filled, strict=True) if old.text != new.text]
    assert [token.kind for token in differing] in ([], ["string"])


@given(NAMES)
@example(NASTY)
def test_a_matcher_asks_for_exactly_the_name(name: str) -> None:
    literal = tokens(fill('{s="$service"}', service=name))[3].text
    assert unquote(literal) == name


@given(NAMES, st.text())
@example("a.b", "axb")
@example("a|b", "a")
def test_a_regular_expression_matches_the_name_and_no_other(name: str, other: str) -> None:
    pattern = unquote(tokens(fill('{s=~"$service"}', service=name))[3].text)
    assert re.fullmatch(pattern, name)
    assert other == name or not re.fullmatch(pattern, other)
    assert pattern == quote_regex(name)


@given(st.text())
def test_any_text_is_a_template_or_is_refused(query: str) -> None:
    with suppress(ValueError):
        template(query).fill(service="a", stack="b")
