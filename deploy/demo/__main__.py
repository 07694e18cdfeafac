"""`python -m deploy.demo`: the demonstration from start to end.

Environment:
    DOCKER_HOST   run in this Swarm (a manager) instead of a private one
    ADDRESS       this machine's address as tasks of that Swarm see it
    KEEP=1        afterwards keep everything up, to play with, until Ctrl-C
    SHORT=1       a load of a quarter of a minute
    PICTURE       an SVG file to draw what was seen into
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from functools import partial
from pathlib import Path

from rich.console import Console

from autoscaler.testing.real.alertmanager import PrivateAlertmanager
from autoscaler.testing.real.dockerd import missing_engine
from autoscaler.testing.real.processes import ProcessFailed, missing_programs
from autoscaler.testing.real.prometheus import PrivatePrometheus
from deploy.demo import load, plain, words
from deploy.demo.live import Screen
from deploy.demo.picture import Picture
from deploy.demo.play import Broken, Show, play, stay
from deploy.demo.stage import Stage, set_up
from deploy.demo.swarms import SERVICE
from deploy.demo.verdict import exit_code, judge
from deploy.demo.watch import Seen


def main() -> int:
    """The exit code: 0 when the service was seen to follow its load."""
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGHUP, _interrupt)
    host = os.environ.get("DOCKER_HOST")
    missing = [*(missing_programs("docker") if host else missing_engine())]
    missing += [*missing_programs("busybox"), *PrivatePrometheus.missing()]
    missing += PrivateAlertmanager.missing()
    if missing:
        return _failed(f"cannot run here: {', '.join(missing)} (see: make tools)")
    try:
        return _perform(host)
    except (ProcessFailed, Broken, OSError) as error:
        return _failed(str(error))
    except KeyboardInterrupt:
        return _failed("interrupted; everything was ended and removed", code=130)


def _perform(host: str | None) -> int:
    short = bool(os.environ.get("SHORT"))
    profile, stabilization = (load.SHORT, "4s") if short else (load.FULL, "8s")
    seen, address = Seen(), os.environ.get("ADDRESS")
    with set_up(stabilization, partial(_tell, "starting"), host, address) as stage:
        asyncio.run(play(stage, profile, seen, _screen(profile, host)))
        verdict = judge(seen)
        for line in words.summary(verdict):
            print(line, flush=True)
        if os.environ.get("PICTURE"):
            Path(os.environ["PICTURE"]).write_text(Picture(seen).svg())
        if os.environ.get("KEEP"):
            _keep(stage)
        _tell("ending", "everything that was started")
    return exit_code(verdict)


def _screen(profile: load.Profile, host: str | None) -> Show:
    console = Console()
    if not console.is_terminal or console.encoding.lower() not in ("utf-8", "utf8"):
        return plain.show
    where = host or "a private Swarm"
    return Screen(console, profile, f"autoscaler · {SERVICE} in {where}").show


def _keep(stage: Stage) -> None:
    """Until Ctrl-C."""
    for line in words.to_play_with(stage):
        print(line, flush=True)
    try:
        asyncio.run(stay(stage))
    except KeyboardInterrupt:
        print()


def _tell(doing: str, what: str) -> None:
    print(f"{doing} {what} …", flush=True)


def _failed(message: str, code: int = 1) -> int:
    print(f"demo: {message}", file=sys.stderr, flush=True)
    return code


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
