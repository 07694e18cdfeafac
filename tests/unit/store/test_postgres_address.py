"""Where the database is: a password is shown nowhere, whatever somebody has typed."""

from __future__ import annotations

import socket
import traceback
from pathlib import Path

import pytest

from autoscaler.errors import Invalid, Permanent, Temporary
from autoscaler.settings import Settings
from autoscaler.store import open_store
from autoscaler.store.postgres.address import read_address
from autoscaler.testing.real.processes import free_port

CANARY = "c4n4ry"


def told(error: BaseException) -> str:
    """All that a log could show of an error."""
    return "".join(traceback.format_exception(error)) + repr(error)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (f"postgresql://me:{CANARY}@db:5432/shop", "postgresql://db:5432/shop"),
        (f"postgres://me:{CANARY}%2F%40@db/shop?sslmode=require", "postgresql://db/shop"),
        (f"postgresql://db/shop?user=me&password={CANARY}", "postgresql://db/shop"),
        ("postgresql:///shop?host=/run/postgresql", "postgresql:///shop"),
        ("postgresql://a:1,b:2/shop", "postgresql://a:1,b:2/shop"),
    ],
)
def test_an_address_is_shown_without_user_and_password(url: str, shown: str) -> None:
    address = read_address(url, None, 1.0)
    assert address.shown == shown
    assert CANARY not in repr(address)


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://me:{CANARY}/x@db/shop",
        f"postgresql://me:x/{CANARY}@db/shop",
        f"postgresql://me:{CANARY}#x@db/shop",
        f"postgresql://me:x?{CANARY}@db/shop",
        f"postgresql://me:{CANARY}@x@db/shop",
        f"postgresql://me:{CANARY} x@db/shop",
        f"postgresql://me:{CANARY}@db:port/shop",
        f"postgresql://me:{CANARY}@db:5432/shop?sslmode=none",
        f"postgresql://me:{CANARY}@db",
        f"postgresql:me:{CANARY}",
    ],
)
async def test_a_wrong_address_is_told_without_being_quoted(url: str) -> None:
    with pytest.raises(Invalid, match=r"address of the store .*is wrong: expected") as failure:
        await open_store(url)
    assert CANARY not in told(failure.value)


def test_settings_do_not_show_their_store() -> None:
    settings = Settings(store=f"postgresql://me:{CANARY}@db/shop")
    assert CANARY not in repr(settings)
    assert CANARY not in str(settings)


async def test_a_server_that_is_not_there_is_temporary() -> None:
    url = f"postgresql://me:{CANARY}@127.0.0.1:{free_port()}/shop"
    with pytest.raises(Temporary, match="cannot be reached; is the server running") as failure:
        await open_store(url)
    assert CANARY not in told(failure.value)


@pytest.mark.parametrize("read_only", [False, True])
async def test_a_server_that_says_nothing_is_temporary_after_the_deadline(read_only: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        url = f"postgresql://me:{CANARY}@127.0.0.1:{port}/shop?sslmode=disable"
        with pytest.raises(Temporary) as failure:
            await open_store(url, read_only=read_only, deadline=0.2)
    assert CANARY not in told(failure.value)


async def test_an_empty_password_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("\n")
    with pytest.raises(Permanent, match=r"password file .*password is empty"):
        await open_store("postgresql://db/shop", password_file=file)


async def test_a_password_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(Permanent, match=r"password file .* cannot be read"):
        await open_store("postgresql://db/shop", password_file=tmp_path)
