"""Addresses and failures, as they may be shown."""

from __future__ import annotations

import re
import socket
import ssl

import aiohttp
import pytest

from autoscaler.addresses import shown, why, without_logins


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("tcp://me:secret@engine:2375", "tcp://***@engine:2375"),
        ("not 'http://me:se@cret@host/a@b'", "not 'http://***@host/a@b'"),
        ("http://me@a/ and http://you@b/", "http://***@a/ and http://***@b/"),
        ("http://host/path?mail=a@b", "http://host/path?mail=a@b"),
        ("unix:///run/a@b.sock", "unix:///run/a@b.sock"),
        ("no address", "no address"),
    ],
)
def test_a_login_is_never_shown(text: str, told: str) -> None:
    assert shown(text) == told


def test_a_document_is_copied_without_logins() -> None:
    document = {"urls": ["http://me:secret@web"], "port": 1, "tls": {"host": "tcp://a@b"}}
    assert without_logins(document) == {
        "urls": ["http://***@web"],
        "port": 1,
        "tls": {"host": "tcp://***@b"},
    }
    assert document["urls"] == ["http://me:secret@web"]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ConnectionRefusedError(111, "Connect call failed ('127.0.0.1', 1)"), "connection refused"),
        (TimeoutError(), "it took too long"),
        (socket.gaierror(-2, "Name or service not known"), "Name or service not known"),
        (aiohttp.InvalidURL("http://me:secret@[web"), "http://***@[web"),
        (aiohttp.ClientPayloadError(), "ClientPayloadError"),
    ],
)
def test_why_a_connection_failed_is_told_in_a_few_words(error: Exception, told: str) -> None:
    assert why(error) == told


def test_a_server_without_tls_is_told() -> None:
    incoming = ssl.MemoryBIO()
    tls = ssl.create_default_context().wrap_bio(incoming, ssl.MemoryBIO(), server_hostname="a")
    incoming.write(b"HTTP/1.0 400 Bad Request\r\n\r\n")
    with pytest.raises(ssl.SSLError) as caught:
        tls.do_handshake()
    assert re.fullmatch("TLS: [a-z ]+", why(caught.value))
    assert why(ssl.SSLError()) == "TLS: failed"
