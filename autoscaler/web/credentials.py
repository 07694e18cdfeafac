"""Who a caller is, by what the request shows."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
from dataclasses import dataclass
from pathlib import Path

from autoscaler.errors import Permanent
from autoscaler.settings import Api, Scope
from autoscaler.telemetry import Telemetry
from autoscaler.tokens import is_known, read_tokens

READ_AGAIN = 1.0


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who was let in."""

    name: str
    """The token's, or the user's."""
    scopes: frozenset[Scope]

    def may(self, scope: Scope) -> bool:
        """Whether this is allowed; who may operate may read too."""
        reads = scope is Scope.READ and Scope.OPERATE in self.scopes
        return reads or scope in self.scopes


class Credentials:
    """Those of the settings. A file that cannot be read lets nobody in."""

    def __init__(self, api: Api, telemetry: Telemetry, read_again: float = READ_AGAIN) -> None:
        """A file's tokens hold for `read_again` seconds before it is read again."""
        self._basic = api.basic
        self._password: _File | None = None
        if api.basic is not None:
            self._password = _File(api.basic.password_file, read_again)
        self._tokens = []
        for name, each in api.tokens.items():
            caller = Caller(name, frozenset(each.scopes))
            self._tokens.append((caller, _File(each.file, read_again)))
        self._telemetry = telemetry
        self._broken: set[_File] = set()

    async def caller(self, shown: str) -> Caller | None:
        """Who shows this `Authorization`, if anybody who is known."""
        kind, _, rest = shown.partition(" ")
        if kind.lower() == "bearer":
            return await self._bearer(rest.strip())
        if kind.lower() == "basic":
            return await self._user(*_pair(rest.strip()))
        return None

    async def _bearer(self, token: str) -> Caller | None:
        """All of them are compared, whichever it is; of two that are alike the first counts."""
        found = [who for who, file in self._tokens if is_known(token, await self._known(file))]
        return found[0] if found else None

    async def _user(self, user: str, password: str) -> Caller | None:
        if self._basic is None or self._password is None:
            return None
        named = hmac.compare_digest(user.encode(), self._basic.user.encode())
        right = is_known(password, await self._known(self._password))
        return Caller(user, frozenset({Scope.ALERTS})) if named and right else None

    async def _known(self, file: _File) -> tuple[str, ...]:
        try:
            tokens = await file.tokens()
        except Permanent as error:
            self._telemetry.error("credentials", error)
            self._broken.add(file)
            return ()
        if file in self._broken:
            self._broken.discard(file)
            if not self._broken:
                self._telemetry.well("credentials")
        return tokens


class _File:
    def __init__(self, path: Path, read_again: float) -> None:
        self._path, self._read_again = path, read_again
        self._held: tuple[str, ...] = ()
        self._until = float("-inf")

    async def tokens(self) -> tuple[str, ...]:
        """The tokens in it. Raises Permanent."""
        now = asyncio.get_running_loop().time()
        if now >= self._until:
            self._held = ()
            self._held = await asyncio.to_thread(read_tokens, self._path)
            self._until = now + self._read_again
        return self._held


def _pair(encoded: str) -> tuple[str, str]:
    """User and password; what is no such pair is nobody's."""
    try:
        user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return ("", "")
    return (user, password)
