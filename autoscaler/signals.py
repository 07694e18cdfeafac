"""Told to stop: an event for the process, and lines in the log when it begins and is done."""

from __future__ import annotations

import asyncio
import signal

import structlog

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger("autoscaler")


def stop_on_signals() -> asyncio.Event:
    """An event that SIGTERM and SIGINT set."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _stop, stop, number)
    return stop


def _stop(stop: asyncio.Event, number: signal.Signals) -> None:
    log.info("stopping", signal=number.name)
    stop.set()


def tell_stopped() -> None:
    """Everything is closed."""
    log.info("stopped")
