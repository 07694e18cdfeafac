"""What is logged, and that nothing is logged twice."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Iterator

import pytest
import structlog
from structlog.testing import capture_logs
from structlog.typing import EventDict

from autoscaler.errors import Permanent, Temporary
from autoscaler.logs import Failures, LogStyle, configure_logging
from autoscaler.model import Act, Action, Decision, Intent, Outcome
from autoscaler.telemetry import Telemetry
from autoscaler.testing.clock import ManualClock


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(100.0)


@pytest.fixture
def telemetry(clock: ManualClock) -> Telemetry:
    return Telemetry(clock)


@pytest.fixture
def lines() -> Iterator[list[EventDict]]:
    """Events, in the order in which they are logged."""
    with capture_logs() as lines:
        yield lines


def scale(previous: int, replicas: int) -> Action:
    return Action(
        kind=Act.SCALE,
        service_id="1",
        service="web",
        version=7,
        replicas=replicas,
        previous=previous,
    )


def intent(action: Action) -> Intent:
    return Intent(id="1", at=99.0, policy="shop", action=action)


def decision(action: Action | None, held_by: str | None = None) -> Decision:
    return Decision(
        at=100.0,
        policy="shop",
        service_id="1",
        service="web",
        current=2,
        wanted=6,
        action=action,
        reason="because",
        held_by=held_by,
    )


def test_a_decision_that_is_news_is_one_line(telemetry: Telemetry, lines: list[EventDict]) -> None:
    telemetry.decided(decision(scale(2, 4)), news=True, samples={}, bounds=(1, 9))
    assert lines == [
        {
            "event": "decision",
            "log_level": "info",
            "policy": "shop",
            "service": "web",
            "from": 2,
            "to": 4,
            "reason": "because",
            "held_by": None,
        }
    ]


def test_a_decision_that_is_no_news_is_not_logged(
    telemetry: Telemetry, lines: list[EventDict]
) -> None:
    telemetry.decided(decision(None, "rollout"), news=False, samples={}, bounds=None)
    assert lines == []


def test_an_action_is_logged_with_its_outcome(telemetry: Telemetry, lines: list[EventDict]) -> None:
    telemetry.acted(intent(scale(2, 4)), Outcome.DONE, "", 0.0021, 1.0)
    telemetry.acted(intent(scale(2, 4)), Outcome.UNKNOWN, "no answer", 5.0, 1.0)
    assert [(line["outcome"], line["log_level"]) for line in lines] == [
        ("done", "info"),
        ("unknown", "warning"),
    ]
    assert lines[1]["detail"] == "no answer"


def test_a_repeated_error_is_logged_once_and_so_is_its_end(
    telemetry: Telemetry, lines: list[EventDict], clock: ManualClock
) -> None:
    for attempt in range(5):
        telemetry.error("cycle", Temporary(f"no answer within {attempt}.5 s"))
        clock.advance(2.0)
    telemetry.well("cycle")
    telemetry.well("cycle")
    assert [line["event"] for line in lines] == ["failed", "recovered"]
    assert lines[0]["error"] == "Temporary: no answer within 0.5 s"
    assert (lines[1]["failures"], lines[1]["seconds"]) == (5, 10.0)


def test_errors_that_take_turns_are_each_logged_once(
    telemetry: Telemetry, lines: list[EventDict]
) -> None:
    for _ in range(3):
        telemetry.error("cycle", Temporary("refused"))
        telemetry.error("cycle", Temporary("no leader"))
    assert [line["error"] for line in lines] == ["Temporary: refused", "Temporary: no leader"]


def test_an_error_that_comes_back_after_an_end_is_news(
    telemetry: Telemetry, lines: list[EventDict]
) -> None:
    telemetry.error("observation", Temporary("refused"))
    telemetry.well("observation")
    telemetry.error("observation", Temporary("refused"))
    assert [line["event"] for line in lines] == ["failed", "recovered", "failed"]


def test_services_fail_and_recover_each_by_themselves(
    telemetry: Telemetry, lines: list[EventDict]
) -> None:
    telemetry.error("wake-up", Temporary("refused"), service="web")
    telemetry.error("wake-up", Temporary("refused"), service="api")
    telemetry.well("wake-up", service="api")
    telemetry.gone("web")
    telemetry.well("wake-up", service="web")
    told = [(line["event"], line["service"]) for line in lines]
    assert told == [("failed", "web"), ("failed", "api"), ("recovered", "api")]


def test_only_an_error_of_the_program_brings_its_trace(
    telemetry: Telemetry, lines: list[EventDict]
) -> None:
    bug = ZeroDivisionError("oh")
    for error in (Temporary("later"), Permanent("never"), bug):
        telemetry.error("cycle", error)
    assert [line["log_level"] for line in lines] == ["warning", "error", "error"]
    assert [line["exc_info"] for line in lines] == [None, None, bug]


def test_a_refused_policy_is_named_once_until_it_is_mended(
    telemetry: Telemetry, lines: list[EventDict]
) -> None:
    telemetry.policies_failed(["a.yaml:1: bad"])
    telemetry.policies_failed(["a.yaml:1: bad", "b.yaml:2: bad"])
    telemetry.policies_loaded(2)
    telemetry.policies_failed(["a.yaml:1: bad"])
    told = [line.get("error", line["event"]) for line in lines]
    assert told == ["a.yaml:1: bad", "b.yaml:2: bad", "policies loaded", "a.yaml:1: bad"]


def test_what_is_remembered_of_failures_is_bounded() -> None:
    failures = Failures()
    for number in range(2 * Failures.MOST_RUNS):
        failures.news("wake-up", f"service {number}", "refused", 0.0)
    assert failures.end("wake-up", "service 0") is None
    for number in range(2 * Failures.MOST_TEXTS):
        failures.news("cycle", "", "x" * number, 0.0)
    assert not failures.news("cycle", "", "something else", 0.0)


@pytest.fixture
def restored() -> Iterator[None]:
    """Put the process's logging back as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()
    root.handlers[:], root.level = handlers, level


def speak(style: LogStyle, level: str = "info") -> None:
    configure_logging(style, level)
    structlog.get_logger("autoscaler").info("decision", service="web", to=4)
    logging.getLogger("aiohttp.server").warning("odd request from %s", "somewhere")
    logging.getLogger("apscheduler.executors").info("Running job")


@pytest.mark.usefixtures("restored")
def test_json_has_one_object_per_line_whoever_speaks(capsys: pytest.CaptureFixture[str]) -> None:
    speak("json")
    ours, theirs = map(json.loads, capsys.readouterr().err.splitlines())
    assert (ours["event"], ours["service"], ours["to"]) == ("decision", "web", 4)
    assert theirs["event"] == "odd request from somewhere"
    assert theirs["logger"] == "aiohttp.server"
    assert {"level", "timestamp"} < ours.keys() & theirs.keys()


@pytest.mark.usefixtures("restored")
def test_auto_is_json_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    speak("auto")
    assert json.loads(capsys.readouterr().err.splitlines()[0])["event"] == "decision"


@pytest.mark.usefixtures("restored")
def test_auto_is_for_people_on_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    speak("auto")
    assert "\x1b[" in capsys.readouterr().err


@pytest.mark.usefixtures("restored")
def test_a_console_line_has_keys_and_values(capsys: pytest.CaptureFixture[str]) -> None:
    speak("console")
    line = capsys.readouterr().err.splitlines()[0]
    assert "decision" in line
    assert "service=web to=4" in line


@pytest.mark.usefixtures("restored")
def test_lines_below_the_level_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    speak("json", "warning")
    assert "decision" not in capsys.readouterr().err


@pytest.mark.usefixtures("restored")
def test_an_unknown_level_is_refused() -> None:
    with pytest.raises(ValueError, match="CHATTY"):
        configure_logging("json", "chatty")


@pytest.mark.usefixtures("restored")
@pytest.mark.parametrize("style", ["console", "json"])
def test_a_trace_never_shows_the_values_of_variables(
    style: LogStyle, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging(style)

    def fails(password: str) -> None:
        raise ZeroDivisionError

    try:
        fails("hun" + "ter2")
    except ZeroDivisionError as error:
        Telemetry().error("cycle", error)
    said = capsys.readouterr().err
    assert "in fails" in said
    assert "hunter2" not in said


@pytest.mark.usefixtures("restored")
def test_warnings_of_the_interpreter_are_log_lines_too(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("json")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)
        warnings.warn("old", stacklevel=1)
    assert json.loads(capsys.readouterr().err)["logger"] == "py.warnings"
