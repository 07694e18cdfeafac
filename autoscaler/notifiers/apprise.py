"""`apprise`: mail, chat and telephones, by the library Apprise, which knows over a hundred.

notifiers:
  ops:
    type: apprise
    urls_file: /run/secrets/ops_urls

Each line of the file is one of Apprise's URLs (`mailto://`, `slack://`, `tgram://`, ...); they
hold passwords and tokens. https://github.com/caronc/apprise/wiki has all of them.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import apprise
from pydantic import BaseModel

from autoscaler.errors import Permanent, Temporary
from autoscaler.model import Message, Severity, Span
from autoscaler.ports import Pace

T = TypeVar("T")
LARGEST_FILE = 65_536
MOST_URLS = 20
KINDS = {
    Severity.INFO: apprise.NotifyType.INFO,
    Severity.WARNING: apprise.NotifyType.WARNING,
    Severity.CRITICAL: apprise.NotifyType.FAILURE,
}

# What they say, of a failure above all, may hold a whole URL, and with it a token.
logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
logging.getLogger("urllib3").setLevel(logging.WARNING)


class AppriseSettings(Pace):
    """Where the addresses are kept."""

    urls_file: Path
    """File with Apprise's URLs, one a line; `#` begins a comment. Read for each message."""

    def check_files(self) -> None:
        """Whether there are URLs that Apprise knows."""
        read_urls(self.urls_file)


class AppriseNotifier:
    """Tells people, by mail, chat or telephone."""

    Settings: ClassVar[type[BaseModel]] = AppriseSettings

    def __init__(self, settings: AppriseSettings) -> None:
        self.pace: Pace = settings
        self._settings = settings
        self._busy = False
        self._done: tuple[Message, frozenset[str]] | None = None
        """Who has had a message that is not with everybody yet."""

    async def send(self, message: Message) -> None:
        """Tell everybody; whoever has had the message does not get it again."""
        if self._busy:
            # A thread cannot be ended: there is never more than one.
            raise Temporary("the message before is still being sent")
        self._busy = True
        failed = await in_thread(lambda: self._send(message))
        if failed:
            raise Temporary(f"not delivered by {', '.join(failed)}")

    def _send(self, message: Message) -> Sequence[str]:
        """Who could not be told, by the line and what stands before `://`; in a thread."""
        try:
            urls = read_urls(self._settings.urls_file)
            had = self._done[1] if self._done and self._done[0] is message else frozenset()
            told = {url: url in had or tell(url, message) for url in urls}
            self._done = (message, frozenset(url for url, good in told.items() if good))
            return [shown(n, url) for n, (url, good) in enumerate(told.items(), 1) if not good]
        finally:
            self._busy = False

    async def close(self) -> None:
        """Nothing to give back: a thread that is at work ends by its own deadlines."""


def tell(url: str, message: Message) -> bool:
    """Tell one; whether that went well. Takes as long as the library's own deadlines let it."""
    # Without a deadline of its own the library works in this thread, and in no pool of threads
    # that the end of the process would wait for.
    asset = apprise.AppriseAsset(
        app_id="autoscaler", app_desc="autoscaler", service_timeout=0, result_log_disk_size=0
    )
    service = apprise.Apprise(asset=asset)
    if not service.add(url):
        return False
    over = all(each.span is Span.OVER for each in message.happenings)
    kind = apprise.NotifyType.SUCCESS if over else KINDS[message.severity]
    return bool(
        service.notify(
            body=message.text,
            title=message.title,
            notify_type=kind,
            body_format=apprise.NotifyFormat.TEXT,
        )
    )


def read_urls(path: Path) -> Sequence[str]:
    """The addresses of a file. Raises Permanent, and never shows one of them."""
    try:
        with path.open("rb") as file:
            text = file.read(LARGEST_FILE + 1).decode("utf-8")
    except OSError as error:
        raise Permanent(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError:
        raise Permanent(f"{path} does not hold text") from None
    lines = (line.strip() for line in text.splitlines())
    urls = list(dict.fromkeys(line for line in lines if line and not line.startswith("#")))
    if not urls or len(urls) > MOST_URLS or len(text) > LARGEST_FILE:
        raise Permanent(f"{path} must hold one to {MOST_URLS} URLs, one a line")
    for number, url in enumerate(urls, start=1):
        if apprise.Apprise.instantiate(url, suppress_exceptions=True) is None:
            raise Permanent(f"{path}: {shown(number, url)} is none that Apprise knows")
    return urls


def shown(number: int, url: str) -> str:
    """An address as it may be shown."""
    schema, found, _ = url.partition("://")
    plain = schema if found and schema.isalnum() and len(schema) <= 16 else "?"
    return f"URL {number} ({plain}://)"


async def in_thread(work: Callable[[], T]) -> T:
    """What `work` answers, from a thread that keeps no process from ending."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[T] = loop.create_future()

    def run() -> None:
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001 - raised where it is awaited
            _call(loop, _settle, answer, None, error)
        else:
            _call(loop, _settle, answer, result, None)

    threading.Thread(target=run, name="apprise", daemon=True).start()
    return await answer


def _call(loop: asyncio.AbstractEventLoop, *call: Any) -> None:
    with suppress(RuntimeError):  # the loop has ended meanwhile
        loop.call_soon_threadsafe(*call)


def _settle(answer: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if answer.done():
        return
    if error is not None:
        answer.set_exception(error)
    else:
        answer.set_result(result)
