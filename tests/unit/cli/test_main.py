"""The command line as a whole: help, flags, errors, and the commands that need a cluster."""

from __future__ import annotations

import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from autoscaler import app
from autoscaler.cli import COMMANDS
from autoscaler.cli.healthcheck import place
from autoscaler.cli.terminal import Context
from autoscaler.errors import Permanent, Temporary
from autoscaler.model import Record
from autoscaler.policy import Policy
from autoscaler.policy_files import LoadedPolicy
from autoscaler.settings import Settings
from autoscaler.testing.builders import a_memory, a_service, observe, value
from tests.unit.cli.conftest import Call, a_record


def test_help_alone_is_enough_to_start(call: Call) -> None:
    result = call("--help")
    assert result.exit_code == 0
    for word in ("check", "plan", "run", "explain", "average_value", "AUTOSCALER_", "Exit codes"):
        assert word in result.output


@pytest.mark.parametrize("name", list(COMMANDS))
def test_each_command_says_when_to_use_it_and_how(call: Call, name: str) -> None:
    help_ = call(name, "--help").output
    assert f"autoscaler {name}" in help_.partition("Options:")[0].replace("Usage: autoscaler", "")
    if "--json" in help_:
        assert "JSON: " in help_


def test_usage_errors_exit_with_2(call: Call) -> None:
    assert call("nonsense").exit_code == 2
    assert call("--set", "interval", "check").exit_code == 2
    assert call("--set", "a=1", "--set", "a.b=2", "check").exit_code == 2


def test_any_setting_can_be_stated(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = catch_settings(monkeypatch)
    result = call("--set", "brake.percent=5", "--set", "log.level=debug", "run")
    assert result.exit_code == 0, result.output
    assert (seen[0].brake.percent, seen[0].log.level) == (5.0, "debug")
    assert (
        "command line: brake.percent: should be" in call("--set", "brake.percent=0", "run").output
    )


def test_flags_of_run_win(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOSCALER_INTERVAL", "7s")
    seen = catch_settings(monkeypatch)
    call("run", "--interval", "8s", "--policies", "a", "--policies", "b", "--listen", ":1")
    assert (seen[0].interval, seen[0].policies, seen[0].listen) == (8.0, ("a", "b"), ":1")


def test_run_makes_the_default_directory_of_the_store_only(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    catch_settings(monkeypatch)
    monkeypatch.setattr("autoscaler.settings.model.SYSTEM_STATE", Path("gone"))
    monkeypatch.setenv("XDG_STATE_HOME", "state")
    call("run")
    assert not Path("state").exists()
    monkeypatch.delenv("AUTOSCALER_STORE")
    call("run")
    assert Path("state/autoscaler").is_dir()


def catch_settings(monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    seen: list[Settings] = []

    async def run(settings: Settings) -> None:
        seen.append(settings)

    monkeypatch.setattr(app, "run", run)
    return seen


@pytest.mark.parametrize(
    "error",
    [
        Permanent("the socket may not be read: join the group docker"),
        OSError("the socket may not be read: join the group docker"),
        ExceptionGroup(
            "tasks",
            [ExceptionGroup("x", [Temporary("the socket may not be read: join the group docker")])],
        ),
    ],
)
def test_an_error_is_one_line_without_a_traceback(
    call: Call, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    async def run(settings: Settings) -> None:
        raise error

    monkeypatch.setattr(app, "run", run)
    result = call("run")
    assert result.exit_code == 1
    assert result.output == "Error: the socket may not be read: join the group docker\n"
    assert "Traceback" in call("--debug", "run").output


def test_a_mistake_of_ours_is_not_hidden(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    async def run(settings: Settings) -> None:
        raise ExceptionGroup("tasks", [Temporary("x"), ZeroDivisionError()])

    monkeypatch.setattr(app, "run", run)
    assert isinstance(call("run").exception, ExceptionGroup)


SPARE = LoadedPolicy(Policy(name="spare", services=("gone",)), {}, "policies/a.yaml", 3)


def planned(monkeypatch: pytest.MonkeyPatch, *records: Record) -> None:
    async def plan(settings: Settings, service: str | None = None) -> app.Planned:
        found = [r for r in records if service in (None, r.decision.service)]
        return app.Planned(found, (SPARE,))

    monkeypatch.setattr(app, "plan", plan)


def a_pass(name: str, load: float) -> Record:
    service = a_service(5, id=name, name=name)
    samples = {"requests": value(load), "latency": value(0.01)}
    return a_record(observe(service, samples), a_memory(5))


def test_plan_lists_changes_first(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    planned(monkeypatch, a_pass("mail_in", 500.0), a_pass("shop_web", 900.0))
    result = call("plan")
    assert result.exit_code == 0
    assert [line.split()[0] for line in result.output.splitlines()[1:3]] == ["shop_web", "mail_in"]
    assert "scale to 9" in result.output
    assert "2 services, 1 would change; nothing was changed\n" in result.output


IDLE = "policy spare (policies/a.yaml:3) covers no service of this cluster\n"


def test_plan_names_each_policy_that_covers_no_service(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned(monkeypatch, a_pass("mail_in", 500.0))
    assert call("plan").stdout.endswith(IDLE)
    result = call("plan", "--json")
    assert result.stderr == IDLE
    assert len(json.loads(result.stdout)) == 1
    planned(monkeypatch)
    result = call("plan")
    assert result.exit_code == 1
    assert (
        result.stderr == f"{IDLE}Error: no policy covers any service, or it is not in the cluster\n"
    )


def test_plan_explains_one_service(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    planned(monkeypatch, a_pass("mail_in", 500.0), a_pass("shop_web", 900.0))
    result = call("plan", "--service", "shop_web")
    assert "GUARDS, IN ORDER" in result.output
    assert "mail_in" not in result.output
    assert "no policy covers other" in call("plan", "--service", "other").output


def test_plan_without_a_cluster_says_so(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    result = call("plan")
    assert result.exit_code == 1
    assert result.output == (
        "Error: no answer from unix:///nowhere/docker.sock: no such file or directory. "
        "Next step: start Docker there, or name another address by DOCKER_HOST.\n"
    )


def test_a_login_for_the_cluster_is_not_shown(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://me:secret@127.0.0.1:1")
    result = call("--debug", "plan")
    assert result.exit_code == 1
    assert "no answer from tcp://***@127.0.0.1:1: connection refused." in result.output
    assert "secret" not in result.output


@contextmanager
def answering(status: int, text: str) -> Iterator[int]:
    """A server that answers every request alike; its port."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(f"{text} {self.path}\n".encode())

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def test_healthcheck_asks_the_service(call: Call) -> None:
    with answering(200, "fine") as port:
        result = call("--set", f"listen=:{port}", "healthcheck")
        assert (result.exit_code, result.output) == (0, "fine /healthz\n")
        assert call("--set", f"listen=0.0.0.0:{port}", "healthcheck", "--ready").exit_code == 0


def test_healthcheck_fails_when_the_service_is_not_well(call: Call) -> None:
    with answering(503, "no policies at") as port:
        result = call("--set", f"listen=127.0.0.1:{port}", "healthcheck", "--ready")
    assert result.exit_code == 1
    assert result.output == "Error: /readyz answers 503: no policies at /readyz\n"


def test_healthcheck_fails_when_nothing_answers(call: Call) -> None:
    result = call("--set", "listen=127.0.0.1:1", "healthcheck")
    assert result.exit_code == 1
    assert "is `autoscaler run` there?" in result.output


def test_healthcheck_answers_scripts(call: Call) -> None:
    with answering(503, "no policies at") as port:
        result = call("--set", f"listen=:{port}", "healthcheck", "--ready", "--json")
    assert result.exit_code == 1
    told = {"ok": False, "status": 503, "answer": "no policies at /readyz"}
    assert json.loads(result.stdout) == told


def test_healthcheck_asks_where_the_settings_say(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    with answering(200, "fine") as port:
        Path("config").mkdir()
        Path("config/autoscaler.yaml").write_text(f"listen: 127.0.0.1:{port}\n")
        assert call("healthcheck").exit_code == 0
        Path("config/autoscaler.yaml").rename("other.yaml")
        # Not asked: somebody may listen there.
        assert place(Context()) == (("127.0.0.1", 9095), None)
        assert call("--config", "other.yaml", "healthcheck").exit_code == 0
        monkeypatch.setenv("AUTOSCALER_LISTEN", "127.0.0.1:1")
        assert "127.0.0.1:1" in call("--config", "other.yaml", "healthcheck").output
        monkeypatch.setenv("AUTOSCALER_LISTEN", "nowhere")
        assert "environment: listen: expected host:port" in call("healthcheck").output
        monkeypatch.delenv("AUTOSCALER_LISTEN")
        monkeypatch.setenv("autoscaler_listen", f"127.0.0.1:{port}")
        assert call("healthcheck").exit_code == 0


def test_a_health_check_loads_neither_settings_nor_policies() -> None:
    """It runs every few seconds, all day."""
    program = """
import sys
from autoscaler.cli import main
try:
    main(["healthcheck"])
except SystemExit as ended:
    print(ended.code, *sys.modules)
"""
    environment = {**os.environ, "AUTOSCALER_LISTEN": "127.0.0.1:1"}
    command = [sys.executable, "-c", program]
    asked = subprocess.run(command, capture_output=True, check=True, text=True, env=environment)
    code, *modules = asked.stdout.split()
    loaded = {name.partition(".")[0] for name in modules}
    assert (code, "nothing answers at 127.0.0.1:1" in asked.stderr) == ("1", True)
    assert not loaded & {"pydantic", "rich", "aiohttp", "asyncio", "structlog", "ruamel"}
