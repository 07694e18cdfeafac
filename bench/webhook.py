"""`python -m bench.webhook`: what the webhook for alerts bears, beside a bare one.

The product's webhook and a bare aiohttp handler, which only writes the body to SQLite, run each in
a process of its own and are loaded in turns, in the same run. Then the product alone: one body of
10,000 alerts, slow senders, hostile bodies by a seed, and kills -9 under load, after each of which
everything that was acknowledged must be in the store.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

from autoscaler.store import SqliteStore
from autoscaler.testing.real.processes import Child, free_port
from autoscaler.testing.webhook import alert, webhook
from bench import deliveries
from bench.deliveries import Sent
from bench.engine import machine
from bench.receivers import STORE

ROUNDS = 6
"""Turns that the two receivers take."""
SEED = 20_261_126
SLOW_SENDERS = 200
_http = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Receiver:
    """One of the receivers, and its process."""

    def __init__(self, kind: str, directory: Path) -> None:
        self.kind = kind
        self.directory = directory
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/webhook"
        self._child: Child | None = None

    def start(self) -> None:
        words = [sys.executable, "-m", "bench.receivers", self.kind]
        log = self.directory / f"{self.kind}.log"
        self._child = Child([*words, str(self.directory), str(self.port)], log)
        self._child.wait_ready(self._ready, 60)

    def kill(self) -> None:
        """As by `kill -9`: nothing is finished."""
        if self._child is not None:
            self._child.kill()
            self._child = None

    def memory(self) -> float:
        """The resident set, in MiB."""
        assert self._child is not None
        status = Path(f"/proc/{self._child.pid}/status").read_text()
        kib = next(line for line in status.splitlines() if line.startswith("VmRSS"))
        return round(int(kib.split()[1]) / 1024, 1)

    def cpu(self) -> float:
        """Seconds of CPU that the process has used."""
        assert self._child is not None
        fields = Path(f"/proc/{self._child.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def _ready(self) -> bool:
        try:
            with _http.open(f"http://127.0.0.1:{self.port}/healthz", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


@contextmanager
def receivers() -> Iterator[tuple[Receiver, Receiver]]:
    """Both of them, started."""
    with tempfile.TemporaryDirectory(prefix="webhook-") as directory:
        both = Receiver("product", Path(directory)), Receiver("bare", Path(directory))
        try:
            for each in both:
                each.start()
            yield both
        finally:
            for each in both:
                each.kill()


async def loaded(both: tuple[Receiver, Receiver], rate: float, seconds: float) -> dict[str, Any]:
    """A steady load on each in turns."""
    alerts = [deliveries.alerts() for _ in both]
    rounds: list[list[Sent]] = [[], []]
    before = [receiver.cpu() for receiver in both]
    for _ in range(ROUNDS):
        for receiver, source, found in zip(both, alerts, rounds, strict=True):
            found.append(Sent())
            await deliveries.steadily(receiver.url, source, rate, seconds / ROUNDS, found[-1])
    p99s = [[each.figures()["p99_ms"] for each in found] for found in rounds]
    ratios = [ours / bare for ours, bare in zip(*p99s, strict=True)]
    cpu = [receiver.cpu() - used for receiver, used in zip(both, before, strict=True)]
    return {
        "rate": rate,
        "seconds": seconds,
        **{
            receiver.kind: {
                **deliveries.together(found).figures(),
                "cpu_ms_per_post": round(1e3 * used / (rate * seconds), 3),
            }
            for receiver, found, used in zip(both, rounds, cpu, strict=True)
        },
        "p99_ratio": {
            "median": round(statistics.median(ratios), 2),
            "least": round(min(ratios), 2),
            "most": round(max(ratios), 2),
        },
    }


async def one_body(both: tuple[Receiver, Receiver], number: int = 10_000) -> dict[str, Any]:
    """One document with very many alerts."""
    body = deliveries.many(number)
    found: dict[str, Any] = {"alerts": number, "megabytes": round(len(body) / 1e6, 1)}
    for receiver in both:
        status, seconds = await deliveries.at_once(receiver.url, body)
        found[receiver.kind] = {"status": status, "seconds": round(seconds, 2)}
    return found


async def slow_senders(product: Receiver, rate: float, seconds: float) -> dict[str, Any]:
    """The load goes on while many send without an end."""
    sent = Sent()
    load = deliveries.steadily(product.url, deliveries.alerts(), rate, seconds, sent)
    slow, _ = await asyncio.gather(deliveries.slowly(product.url, SLOW_SENDERS, seconds), load)
    answered = {str(status): number for status, number in sorted(slow.items())}
    return {"senders": SLOW_SENDERS, "answered": answered, "others": sent.figures()}


async def fuzzed(product: Receiver, number: int) -> dict[str, Any]:
    """Hostile bodies; memory is looked at after a tenth of them, and in the end."""
    first = await deliveries.hostile(product.url, number // 10, SEED)
    early = product.memory()
    rest = await deliveries.hostile(product.url, number - number // 10, SEED + 1)
    late, sent = product.memory(), deliveries.together([first, rest])
    status, _ = await deliveries.at_once(product.url, webhook([alert("AfterAll")]))
    return {
        "bodies": number,
        "seed": SEED,
        "statuses": sent.figures()["statuses"],
        "server_errors": sum(n for status, n in sent.statuses.items() if status >= 500),
        "without_an_answer": sent.statuses[0],
        "memory_after_a_tenth_mib": early,
        "memory_in_the_end_mib": late,
        "answers_afterwards": status,
    }


async def killed(product: Receiver, rate: float, kills: int) -> dict[str, Any]:
    """Killed under load, over and over: what was acknowledged must be there."""
    random, sent, lost = Random(SEED), Sent(), 0
    source = _once()
    for _ in range(kills):
        load = asyncio.create_task(deliveries.steadily(product.url, source, rate, 2.0, sent))
        await asyncio.sleep(random.uniform(0.3, 1.7))
        product.kill()
        await load
        lost = len(sent.accepted - await _stored(product.directory))
        await asyncio.to_thread(product.start)
    return {"kills": kills, "acknowledged": len(sent.accepted), "lost": lost}


def _once() -> Iterator[dict[str, Any]]:
    """Alerts none of which comes twice."""
    number = 0
    while True:
        number += 1
        yield alert("Killed", start=time.time() - 60, service=f"service{number}")


async def _stored(directory: Path) -> set[str]:
    store = await SqliteStore.open(directory / STORE, read_only=True)
    try:
        return {each.fingerprint for each in await store.alerts()}
    finally:
        await store.close()


async def measured(args: argparse.Namespace) -> dict[str, Any]:
    """All of it, one after the other."""
    with receivers() as both:
        product = both[0]
        return {
            "machine": machine(),
            "load_before": [round(each, 1) for each in os.getloadavg()],
            "steady": await loaded(both, args.rate, args.seconds),
            "one_body": await one_body(both),
            "slow": await slow_senders(product, args.rate / 5, min(args.seconds, 15.0)),
            "fuzz": await fuzzed(product, args.bodies),
            "kill": await killed(product, args.rate, args.kills),
            "load_after": [round(each, 1) for each in os.getloadavg()],
        }


def show(found: dict[str, Any]) -> None:
    """For people."""
    print(
        f"{found['machine']}, load {found['load_before'][0]} before, {found['load_after'][0]} after"
    )
    steady, body, slow, fuzz, kill = (
        found[key] for key in ("steady", "one_body", "slow", "fuzz", "kill")
    )
    print(f"\n{steady['rate']:g} alerts/s for {steady['seconds']:g} s on each, in {ROUNDS} turns")
    for kind in ("product", "bare"):
        each = steady[kind]
        print(f"  {kind:8} {_line(each)}  {each['cpu_ms_per_post']} ms of CPU a post")
    ratio = steady["p99_ratio"]
    print(f"  p99, product : bare  {ratio['median']} ({ratio['least']} to {ratio['most']})")
    print(f"\none body of {body['alerts']} alerts, {body['megabytes']} MB")
    for kind in ("product", "bare"):
        print(f"  {kind:8} {body[kind]['status']} after {body[kind]['seconds']} s")
    print(f"\n{slow['senders']} senders without an end: {slow['answered']}")
    print(f"  others   {_line(slow['others'])}")
    print(f"\n{fuzz['bodies']} hostile bodies, seed {fuzz['seed']}: {fuzz['statuses']}")
    early, late = fuzz["memory_after_a_tenth_mib"], fuzz["memory_in_the_end_mib"]
    print(
        f"  {fuzz['server_errors']} server errors, memory {early} MiB after a tenth, {late} at last"
    )
    print(f"\n{kill['kills']} kills -9: {kill['acknowledged']} acknowledged, {kill['lost']} lost")


def _line(figures: dict[str, Any]) -> str:
    times = "  ".join(f"{key} {figures[f'{key}_ms']:8.2f} ms" for key in ("p50", "p99", "most"))
    return f"{figures['posts']} posts  {times}  {figures['statuses']}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.webhook", description=__doc__)
    parser.add_argument("--rate", type=float, default=500.0, help="posts in a second")
    parser.add_argument("--seconds", type=float, default=60.0, help="of load on each receiver")
    parser.add_argument("--bodies", type=int, default=100_000, help="hostile ones")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    found = asyncio.run(measured(args))
    print(json.dumps(found, indent=2)) if args.json else show(found)
    wrong = found["fuzz"]["server_errors"] + found["fuzz"]["without_an_answer"]
    return int(bool(wrong + found["kill"]["lost"]))


if __name__ == "__main__":
    sys.exit(main())
