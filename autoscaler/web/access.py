"""Who may ask for what. A route that does not say so is refused.

A handler is marked where it stands:

    @needs(Scope.ALERTS)    a token with this scope, or the user and password for alerts
    @public                 anybody: it tells no secrets and changes nothing
    @guards_itself          it looks for a secret of its own
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeVar

from aiohttp import web

from autoscaler.settings import Api, Scope
from autoscaler.telemetry import Telemetry
from autoscaler.web.credentials import Caller, Credentials
from autoscaler.web.problems import Handler, Problem
from autoscaler.web.refusals import Refusals

CALLER = web.RequestKey("caller", Caller)
"""Under which a handler finds in its request who asks."""
LOCAL = Caller("local", frozenset({Scope.READ}))
"""Whoever is on this machine, as long as no credentials are configured."""
SHOW = "show a token, as `Authorization: Bearer ...`"
HOW = "see `api.tokens` in docs/settings.md"

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Rule:
    """What a route asks of its callers; without a scope, nothing."""

    scope: Scope | None = None
    opened: bool = False
    """Whether anybody may come as long as no credentials are configured."""


def needs(scope: Scope, *, opened: bool = False) -> Callable[[F], F]:
    """Only callers with this scope; with `opened` anybody while no credentials are configured."""
    return _mark(Rule(scope, opened))


def public(handler: F) -> F:
    """Anybody."""
    return _mark(Rule())(handler)


def guards_itself(handler: F) -> F:
    """Anybody, as far as it is for us to say: the handler looks for a secret of its own."""
    return _mark(Rule())(handler)


def rule(handler: object) -> Rule | None:
    """What a handler asks for; None where it does not say."""
    return getattr(handler, "__rule__", None)


def _mark(asked: Rule) -> Callable[[F], F]:
    def mark(handler: F) -> F:
        handler.__rule__ = asked  # type: ignore[attr-defined]
        return handler

    return mark


class Access:
    """The doorkeeper of an application."""

    def __init__(self, api: Api, telemetry: Telemetry, host: str) -> None:
        """`host` is where the application listens."""
        self._api = api
        self._refusals = Refusals(telemetry)
        self._credentials = Credentials(api, telemetry)
        self._local = is_loopback(host)
        if not api.configured:
            told = "this machine may read" if self._local else "/api is closed"
            self._refusals.nobody_known(f"no token is configured, so {told}: {HOW}")

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refuses, or hands on with the caller's name."""
        if request.match_info.http_exception is None:
            caller = await self._admit(request)
            if caller is not None:
                request[CALLER] = caller
        return await handler(request)

    async def _admit(self, request: web.Request) -> Caller | None:
        asked = rule(request.match_info.handler)
        if asked is None:
            raise self._refusal(request, "route", HTTPStatus.FORBIDDEN, "it is open to nobody")
        if asked.scope is None or (asked.opened and not self._api.configured):
            return None
        self._check_certificate(request)
        if not self._api.configured:
            return self._stranger(request, asked.scope)
        return await self._known(request, asked.scope)

    def _check_certificate(self, request: web.Request) -> None:
        """TLS has checked it, if there is one."""
        shown = request.transport and request.transport.get_extra_info("peercert")
        if self._api.client_ca is not None and not shown:
            told = "show a certificate of the authority in `api.client_ca`"
            raise self._refusal(request, "certificate", HTTPStatus.FORBIDDEN, told)

    def _stranger(self, request: web.Request, scope: Scope) -> Caller:
        """A page in a browser here may ask under a name of its own, which leads to this machine."""
        if not (self._local and is_loopback(_asked(request))):
            told = f"no token is configured, so only this machine is answered: {HOW}"
            raise self._refusal(request, "unconfigured", HTTPStatus.FORBIDDEN, told)
        if not LOCAL.may(scope):
            told = f"no token is configured, so nothing but reading is allowed: {HOW}"
            raise self._refusal(request, "unconfigured", HTTPStatus.FORBIDDEN, told)
        return LOCAL

    async def _known(self, request: web.Request, scope: Scope) -> Caller:
        shown = request.headers.get("Authorization", "")
        caller = await self._credentials.caller(shown)
        if caller is None:
            reason, told = ("wrong", "what it shows is not known") if shown else ("none", SHOW)
            challenge = {"WWW-Authenticate": self._challenge(scope)}
            raise self._refusal(request, reason, HTTPStatus.UNAUTHORIZED, told, challenge)
        if not caller.may(scope):
            told = f"{caller.name} lacks the scope {scope.value}"
            raise self._refusal(request, "scope", HTTPStatus.FORBIDDEN, told)
        return caller

    def _challenge(self, scope: Scope) -> str:
        basic = scope is Scope.ALERTS and self._api.basic is not None
        return 'Bearer, Basic realm="alerts"' if basic else "Bearer"

    def _refusal(
        self,
        request: web.Request,
        reason: str,
        status: HTTPStatus,
        told: str,
        headers: dict[str, str] | None = None,
    ) -> Problem:
        resource = request.match_info.route.resource
        place = resource.canonical if resource else "/"
        self._refusals.tell(reason, request.remote or "somebody", place, told)
        return Problem(status, told, headers)


def _asked(request: web.Request) -> str:
    """The name under which the request asks for us."""
    try:
        return request.url.host or ""
    except ValueError:
        return ""


def is_loopback(host: str) -> bool:
    """Whether a name or an address is this machine's own and leads nowhere else."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
