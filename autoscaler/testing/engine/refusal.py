"""How the engine says no."""

from __future__ import annotations


class Refusal(Exception):
    """An answer with a status of 400 or more, in the engine's own words."""

    def __init__(self, status: int, message: str, *, plain: bool = False) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.plain = plain
        """Text and not JSON, as for clients that are too old to know."""


def rpc(status: int, code: str, text: str) -> Refusal:
    """A refusal that comes from SwarmKit, through the daemon."""
    return Refusal(status, f"rpc error: code = {code} desc = {text}")
