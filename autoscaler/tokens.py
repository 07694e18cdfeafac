"""A secret that two processes share, in a file of each.

One token a line. Who comes in shows the first, who lets in takes any: so tokens are rotated by
adding the new one to the file of who lets in, then to that of who comes in, then removing the
old one. An agent comes in to the controller, a controller to an agent's gate.
"""

from __future__ import annotations

import hmac
from hashlib import sha256
from pathlib import Path

from autoscaler.errors import Permanent

SHORTEST = 16
"""Characters of a token at least."""
MOST_TOKENS = 8
LARGEST_FILE = 4096


def read_tokens(path: Path) -> tuple[str, ...]:
    """The tokens of a file. Raises Permanent when there is none that can be used."""
    try:
        with path.open("rb") as file:
            text = file.read(LARGEST_FILE + 1).decode("ascii")
    except OSError as error:
        raise Permanent(f"cannot read a token from {path} ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise Permanent(f"cannot read a token from {path}, which is not ASCII text") from error
    tokens = tuple(line.strip() for line in text.splitlines() if line.strip())
    if not tokens or len(text) > LARGEST_FILE or len(tokens) > MOST_TOKENS:
        raise Permanent(f"{path} must hold one to {MOST_TOKENS} tokens, one a line")
    if any(len(token) < SHORTEST or not token.isprintable() for token in tokens):
        raise Permanent(f"each token in {path} must have at least {SHORTEST} printable characters")
    return tokens


def is_known(shown: str, tokens: tuple[str, ...]) -> bool:
    """Whether a token is one of those; takes as long for every one that is not."""
    found = False
    for token in tokens:
        found |= hmac.compare_digest(_digest(shown), _digest(token))
    return found


def _digest(token: str) -> bytes:
    return sha256(token.encode("utf-8", "replace")).digest()
