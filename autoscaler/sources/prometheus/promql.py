"""The little of PromQL that is understood here: its tokens, and where a name may be put in.

A query is a template: `$service` and `$stack` (or `${service}`, `${stack}`) stand for the
name of the service that is looked at and of its stack. They are replaced inside the string
of a label matcher only, and escaped for it, so that no name can change what is asked:
`http_requests_total{service="$service"}`. Everything else is left to Prometheus.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

NAMES = ("service", "stack")
MATCHERS = ("=", "!=", "=~", "!~")

_ESCAPE = r"\\(?:[abfnrtv\\'\"]|[0-7]{3}|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8})"
_TOKEN = re.compile(
    rf"""
      (?P<space>  [ \t\r\n]+ | \#[^\r\n]* )
    | (?P<string> "(?:[^"\\\n]|{_ESCAPE})*" | '(?:[^'\\\n]|{_ESCAPE})*' | `[^`]*` )
    | (?P<word>   [a-zA-Z_:][a-zA-Z0-9_:]* )
    | (?P<hole>   \$ )
    | (?P<sign>   =~ | !~ | [=!<>]= | . )
    """,
    re.VERBOSE | re.DOTALL,
)
_HOLE = re.compile(r"\$(?:([a-zA-Z_]\w*)|\{([^}]*)\})", re.ASCII)
_PAIRS = {")": "(", "]": "[", "}": "{"}
# Before a name in a regular expression: an escape, or a class, repetition or group that is
# open, would take its characters for something else. After it: a quantifier would bind to
# its last character only.
_OPEN = re.compile(r"(?:\\|\\Q.*|\[[^\]]*|\{[^}]*|\(\?[^:)>]*)\Z", re.DOTALL)
_QUANTIFIER = re.compile(r"[*+?{]")
_RE2_SPECIAL = frozenset(r"\.+*?()|[]{}^$")


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a query; `kind` is string, word or sign."""

    kind: str
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Hole:
    """A place in a matcher's string where a name goes."""

    name: str
    regex: bool


@dataclass(frozen=True, slots=True)
class Template:
    """A query whose places for names are known."""

    parts: tuple[str | Hole, ...]

    @property
    def names(self) -> frozenset[str]:
        """Which of `NAMES` the query uses."""
        return frozenset(part.name for part in self.parts if isinstance(part, Hole))

    def fill(self, **names: str | None) -> str:
        """The query for one service. Raises ValueError for a name that is not to be had."""
        return "".join(
            _filled(part, names[part.name]) if isinstance(part, Hole) else part
            for part in self.parts
        )


def tokens(query: str) -> list[Token]:
    """Split a query, without its spaces and comments.

    Raises ValueError for a string that does not end or has a wrong escape, for a
    placeholder outside of strings and for brackets that do not match.
    """
    found = [token for token in _scan(query) if token.kind != "space"]
    _check_brackets(found)
    return found


@lru_cache(maxsize=4096)
def template(query: str) -> Template:
    """Find the places for names. Raises ValueError for one that is not in a matcher."""
    parts: list[str | Hole] = []
    done = depth = 0
    before = ""
    for token in tokens(query):
        depth += {"{": 1, "}": -1}.get(token.text, 0)
        if token.kind == "string":
            operator = before if depth and before in MATCHERS else ""
            parts += [query[done : token.start], *_string(token.text, operator)]
            done = token.end
        before = token.text
    return Template((*parts, query[done:]))


def escape(text: str) -> str:
    """Write text so that it is only text inside "..." and '...' alike.

    Raises ValueError for a lone surrogate, which no query can hold.
    """
    return "".join(_escaped(character) for character in text)


def quote_regex(text: str) -> str:
    """Write text so that RE2 takes each character for itself."""
    return "".join(f"\\{char}" if char in _RE2_SPECIAL else char for char in text)


def _scan(query: str) -> Iterator[Token]:
    for match in _TOKEN.finditer(query):
        kind, text = str(match.lastgroup), match[0]
        if kind == "hole":
            raise ValueError(
                f"{query[match.start() : match.start() + 20]!r}: a placeholder is allowed in "
                'the string of a label matcher only, as in {service="$service"}'
            )
        if text in ('"', "'", "`"):
            raise ValueError(
                f"{query[match.start() : match.start() + 20]!r}: a string that does not end, "
                "or has an escape that PromQL does not know"
            )
        yield Token(kind, text, match.start(), match.end())


def _check_brackets(found: list[Token]) -> None:
    opened: list[str] = []
    for token in found:
        if token.text in _PAIRS.values():
            opened.append(token.text)
        elif token.text in _PAIRS and (not opened or opened.pop() != _PAIRS[token.text]):
            raise ValueError(f"{token.text!r} at {token.start + 1} closes nothing")
    if opened:
        raise ValueError(f"{opened[-1]!r} is never closed")


def _string(literal: str, operator: str) -> list[str | Hole]:
    """A string literal as text and holes; a raw one is written anew where it has holes."""
    body = literal[1:-1]
    holes = [hole for hole in _HOLE.finditer(body) if operator or _name(hole) in NAMES]
    if not holes:
        return [literal]
    if not operator:
        raise ValueError(
            f"{literal[:40]}: {holes[0][0]} is allowed in the string of a label matcher only"
        )
    raw = literal[0] == "`"
    parts: list[str | Hole] = ['"' if raw else literal[0]]
    done = 0
    for hole in holes:
        regex = operator in ("=~", "!~")
        _check_hole(body, hole, regex)
        text = body[done : hole.start()]
        parts += [escape(text) if raw else text, Hole(_name(hole), regex)]
        done = hole.end()
    rest = body[done:]
    return [*parts, (escape(rest) + '"') if raw else rest + literal[0]]


def _name(hole: re.Match[str]) -> str:
    return str(hole[1] or hole[2] or "")


def _check_hole(body: str, hole: re.Match[str], regex: bool) -> None:
    if _name(hole) not in NAMES:
        known = ", ".join(f"${name}" for name in NAMES)
        raise ValueError(f"{hole[0]} is no placeholder; there are: {known}")
    if regex and (_OPEN.search(body, 0, hole.start()) or _QUANTIFIER.match(body, hole.end())):
        raise ValueError(
            f"{hole[0]} must stand for itself in a regular expression: not after a backslash "
            "or \\Q, not in [...], {...} or (?...), not before *, +, ? or {"
        )


def _filled(hole: Hole, name: str | None) -> str:
    if not name:
        raise ValueError(f"the service has no {hole.name}, which the query asks for")
    return escape(quote_regex(name) if hole.regex else name)


def _escaped(character: str) -> str:
    code = ord(character)
    if character == "\\":
        return "\\\\"
    if 0x20 <= code < 0x7F and character not in "\"'`":
        return character
    if 0xD800 <= code <= 0xDFFF:
        raise ValueError("the name holds half a character (a lone surrogate)")
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
