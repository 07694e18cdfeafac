"""What a refusal or silence means depends on its words, and on whether it was a write."""

import asyncio
import errno
import ssl

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey

from autoscaler.errors import (
    AutoscalerError,
    Conflict,
    Gone,
    OutcomeUnknown,
    Permanent,
    Refused,
    Temporary,
)
from autoscaler.orchestrators.swarm.failures import (
    WrongVersion,
    message_of,
    refusal,
    silence,
)
from autoscaler.testing.engine import faults

NOT_KNOWN = "whether the service had this task template is not known"
OUT_OF_SEQUENCE = "rpc error: code = Unknown desc = update out of sequence"
DEADLINE = "rpc error: code = DeadlineExceeded desc = context deadline exceeded"
REFUSALS: list[tuple[int, str, type[AutoscalerError], type[AutoscalerError]]] = [
    # status, message, to a read, to a write
    (500, OUT_OF_SEQUENCE, Conflict, Conflict),
    (500, faults.NO_LEADER, Temporary, Temporary),
    (500, DEADLINE, Temporary, OutcomeUnknown),
    (500, faults.LOST_LEADER, Temporary, OutcomeUnknown),
    (500, "something never seen", Temporary, OutcomeUnknown),
    (502, "<html>Bad Gateway</html>", Temporary, OutcomeUnknown),
    (503, "rpc error: code = Unavailable desc = transport is closing", Temporary, OutcomeUnknown),
    (503, faults.NOT_A_MANAGER, Permanent, Permanent),
    (503, "Swarm is encrypted and needs to be unlocked before use.", Permanent, Permanent),
    (504, "", Temporary, OutcomeUnknown),
    (408, "", Temporary, OutcomeUnknown),
    (429, "slow down", Temporary, Temporary),
    (404, "service x not found", Gone, Gone),
    (400, "json: cannot unmarshal", Permanent, Refused),
    (400, "rpc error: code = InvalidArgument desc = secret not found: x", Permanent, Refused),
    (500, "network qwi43zj4t3oq not found", Temporary, Refused),
    (403, f"the agent refuses this write: {NOT_KNOWN}: neither", Permanent, Permanent),
    (503, "nothing was written: the engine answered 500: lost leader", Temporary, Temporary),
    (401, "", Permanent, Permanent),
    (403, "denied by the proxy", Permanent, Permanent),
    (409, "name conflicts with an existing object", Permanent, Permanent),
    (501, "service mode change is not allowed", Permanent, Permanent),
    (302, "elsewhere", Permanent, Permanent),
    (400, "client version 1.45 is too new. Maximum supported", WrongVersion, WrongVersion),
    (400, "client version 1.10 is too old. Minimum supported", WrongVersion, WrongVersion),
]


@pytest.mark.parametrize(("status", "message", "read", "write"), REFUSALS)
def test_a_refusal_by_status_and_words(
    status: int, message: str, read: type[Exception], write: type[Exception]
) -> None:
    assert type(refusal(status, message, write=False)) is read
    assert type(refusal(status, message, write=True)) is write
    assert message in str(refusal(status, message, write=True))


@pytest.mark.parametrize("message", [faults.NOT_A_MANAGER, "Swarm is encrypted and needs to be"])
def test_a_refusal_that_waiting_does_not_help_names_the_next_step(message: str) -> None:
    assert "Next step:" in str(refusal(503, message, write=False))


KEY = ConnectionKey("engine", 0, False, True, None, None, None)
SILENCES: list[tuple[Exception, type[AutoscalerError], type[AutoscalerError]]] = [
    (aiohttp.ClientConnectorError(KEY, ConnectionRefusedError()), Temporary, Temporary),
    (aiohttp.ClientConnectorError(KEY, FileNotFoundError()), Temporary, Temporary),
    (aiohttp.ClientConnectorError(KEY, PermissionError()), Permanent, Permanent),
    (aiohttp.ClientConnectorSSLError(KEY, ssl.SSLError()), Permanent, Permanent),
    (aiohttp.ConnectionTimeoutError(), Temporary, Temporary),
    (TimeoutError(), Temporary, OutcomeUnknown),
    (aiohttp.ServerDisconnectedError(), Temporary, OutcomeUnknown),
    (aiohttp.ClientPayloadError(), Temporary, OutcomeUnknown),
    (ConnectionResetError(), Temporary, OutcomeUnknown),
    (asyncio.IncompleteReadError(b"", 1), Temporary, OutcomeUnknown),
]


@pytest.mark.parametrize(("error", "read", "write"), SILENCES)
def test_silence_by_whether_anything_was_sent(
    error: Exception, read: type[Exception], write: type[Exception]
) -> None:
    assert type(silence(error, "unix:///engine", write=False)) is read
    assert type(silence(error, "unix:///engine", write=True)) is write


def refused(code: int) -> aiohttp.ClientConnectorError:
    return aiohttp.ClientConnectorError(KEY, OSError(code, "with much detail"))


START = "Next step: start Docker there, or name another address by DOCKER_HOST."
OPEN = "Next step: let this process open the engine's socket."


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (refused(errno.ENOENT), f"no such file or directory. {START}"),
        (refused(errno.ECONNREFUSED), f"connection refused. {START}"),
        (refused(errno.EACCES), f"permission denied. {OPEN}"),
        (aiohttp.ConnectionTimeoutError(), "it took too long."),
        (aiohttp.ServerDisconnectedError(), "Server disconnected."),
        (aiohttp.InvalidURL("tcp://me:secret@engine:1"), "tcp://***@engine:1."),
        (aiohttp.ClientPayloadError(), "ClientPayloadError."),
    ],
)
def test_silence_is_told_plainly_with_the_next_step_and_without_a_login(
    error: Exception, told: str
) -> None:
    answer = str(silence(error, "tcp://me:secret@engine:2375", write=False))
    assert answer == f"no answer from tcp://***@engine:2375: {told}"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"message":"service x not found"}', "service x not found"),
        (b"client version 1.10 is too old", "client version 1.10 is too old"),
        (b"<html>\n  <b>502</b>\n</html>", "<html> <b>502</b> </html>"),
        (b"[1]", "[1]"),
        (b'{"message":7}', '{"message":7}'),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"", ""),
        (b"[" * 5000, "[" * 300),
    ],
)
def test_an_errors_words_are_found_in_any_body(body: bytes, message: str) -> None:
    assert message_of(body) == message
