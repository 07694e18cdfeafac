"""Settings come from flags, variables, secrets and a file, in this order."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from autoscaler import adapters
from autoscaler.errors import Invalid
from autoscaler.problems import Problems
from autoscaler.settings import Scope, Settings, default_store, load_settings, model

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory without a file, and no variables."""
    for name in os.environ:
        if name.startswith("AUTOSCALER_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def load(**stated: Any) -> Settings:
    return load_settings(secrets=Path("secrets"), **stated)


def refusal(**stated: Any) -> str:
    with pytest.raises(Problems) as caught:
        load(**stated)
    return str(caught.value)


def file(text: str) -> Path:
    path = Path("settings.yaml")
    path.write_text(text)
    return path


def secret(name: str, text: str) -> None:
    Path("secrets").mkdir(exist_ok=True)
    Path("secrets", name).write_text(text)


def test_the_example_states_the_defaults() -> None:
    assert load(config=ROOT / "config" / "autoscaler.yaml") == Settings()


def test_without_anything_the_defaults_hold() -> None:
    assert load() == Settings()


def test_an_upper_layer_hides_those_below(monkeypatch: pytest.MonkeyPatch) -> None:
    path = file("interval: 5s\nact_concurrency: 5\nbrake: {percent: 5, at_least: 5, period: 5s}\n")
    secret("autoscaler_brake__percent", "6\n")
    secret("autoscaler_brake__at_least", "6")
    monkeypatch.setenv("AUTOSCALER_BRAKE__AT_LEAST", "7")
    monkeypatch.setenv("AUTOSCALER_INTERVAL", "7s")
    settings = load(config=path, overrides={"interval": "8s"})
    brake = settings.brake
    assert (settings.interval, settings.act_concurrency) == (8.0, 5)
    assert (brake.percent, brake.at_least, brake.period) == (6.0, 7, 5.0)


def test_the_environment_names_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOSCALER_CONFIG", str(file("interval: 5s")))
    assert load().interval == 5.0


def test_the_default_file_is_read_where_there_is_one() -> None:
    Path("config").mkdir()
    Path("config/autoscaler.yaml").write_text("interval: 5s")
    assert load().interval == 5.0


def test_a_file_that_is_named_must_be_there() -> None:
    assert refusal(config="gone.yaml") == "gone.yaml: cannot be read: No such file or directory"


def test_an_empty_file_states_nothing() -> None:
    assert load(config=file("# nothing\n")) == Settings()


def test_lists_in_variables_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOSCALER_POLICIES", "here, there")
    monkeypatch.setenv("AUTOSCALER_SOURCES__PROMETHEUS__URLS", "http://a:1,http://b:2")
    monkeypatch.setenv("AUTOSCALER_AGENT__SERVICES", "shop_*, blog_web")
    settings = load()
    assert settings.policies == ("here", "there")
    assert settings.agent.services == ("shop_*", "blog_web")
    assert settings.sources == {"prometheus": {"urls": ["http://a:1", "http://b:2"]}}


def test_tokens_can_be_stated_in_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOSCALER_API__TOKENS__ANN__FILE", "/run/secrets/ann")
    monkeypatch.setenv("AUTOSCALER_API__TOKENS__ANN__SCOPES", "operate,alerts")
    monkeypatch.setenv("AUTOSCALER_API__TOKENS__BOB__FILE", "/run/secrets/bob")
    tokens = load().api.tokens
    assert tokens["ann"].file == Path("/run/secrets/ann")
    assert tokens["ann"].scopes == (Scope.OPERATE, Scope.ALERTS)
    assert tokens["bob"].scopes == (Scope.READ,)


@pytest.mark.parametrize(
    ("api", "told"),
    [
        ({"tokens": {"ann": {}}}, "api.tokens.ann.file: this key is required"),
        ({"tokens": {"ann": {"file": "a", "scopes": ["all"]}}}, "expected 'read', 'operate'"),
        ({"tokens": {"ann": {"file": "a", "scopes": []}}}, "at least 1 item is needed"),
        ({"tokens": {"a b": {"file": "a"}}}, "api.tokens"),
        ({"tls_cert": "a"}, "tls_cert and tls_key belong together"),
        ({"client_ca": "a"}, "client_ca needs tls_cert"),
        ({"token": {}}, "did you mean 'tokens'?"),
    ],
)
def test_what_is_wrong_with_who_may_ask_is_told(api: dict[str, object], told: str) -> None:
    assert told in refusal(overrides={"api": api})


def test_plugins_take_json_from_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOSCALER_SOURCES__PROMETHEUS__HEADERS", '{"X-Scope": "a"}')
    monkeypatch.setenv("AUTOSCALER_SOURCES__PROMETHEUS__TIMEOUT", "7s")
    assert load().sources == {"prometheus": {"headers": {"X-Scope": "a"}, "timeout": "7s"}}


def test_an_empty_variable_states_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOSCALER_INTERVAL", "")
    assert load() == Settings()


def test_variables_and_secrets_of_others_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOSCALER_TEAM_CONTACT", "someone")
    secret("database_password", "x")
    secret("autoscaler_tls_pem", "x")
    assert load() == Settings()


def test_a_store_in_a_database_may_be_a_secret_with_its_password() -> None:
    secret("autoscaler_store", "postgresql://me:pw@db/shop\n")
    secret("autoscaler_store_password", "pw\n")
    assert load().store == "postgresql://me:pw@db/shop"
    assert "pw@" not in repr(load())


def test_a_misspelt_variable_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOSCALER_INTERVALL", "5s")
    assert refusal() == (
        "environment: AUTOSCALER_INTERVALL sets nothing; did you mean AUTOSCALER_INTERVAL?"
    )


@pytest.mark.parametrize(
    ("interval", "told"),
    [
        ("0s", "should be greater than or equal to 1s, not '0s'"),
        ("2h", "should be less than or equal to 1h, not '2h'"),
        ("0", "should be greater than or equal to 1, not '0'"),
    ],
)
def test_the_bound_of_a_duration_is_told_as_one(interval: str, told: str) -> None:
    assert refusal(overrides={"interval": interval}) == f"command line: interval: {told}"


def test_every_problem_says_where_its_value_came_from(monkeypatch: pytest.MonkeyPatch) -> None:
    path = file("interval: 5\nbrake:\n  percent: 0\n  foo: 1\nlisten: here\n")
    secret("autoscaler_log__level", "loud")
    monkeypatch.setenv("AUTOSCALER_BRAKE__AT_LEAST", "-1")
    told = refusal(config=path, overrides={"act_concurrency": 0}).splitlines()
    assert sorted(told) == [
        "command line: act_concurrency: should be greater than or equal to 1, not 0",
        "environment: brake.at_least: should be greater than or equal to 0, not '-1'",
        "secrets: log.level: expected 'debug', 'info', 'warning' or 'error', not 'loud'",
        "settings.yaml:1:1: interval: 5 has no unit: write 5s for seconds",
        "settings.yaml:3:3: brake.percent: should be greater than 0, not 0",
        (
            "settings.yaml:4:3: brake.foo: unknown key 'foo'; "
            "valid keys: at_least, max_total_replicas, percent, period"
        ),
        "settings.yaml:5:1: listen: expected host:port such as 0.0.0.0:9095, not 'here'",
    ]


def test_options_of_plugins_are_checked_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    path = file("sources:\n  prometheus:\n    threads: 99\n    speed: 3\n  statsd: {}\n")
    monkeypatch.setenv("AUTOSCALER_SOURCES__PROMETHEUS__URLS", "ftp://me:secret@host")
    told = refusal(config=path)
    assert "settings.yaml:3:5: sources.prometheus.threads: should be less than or equal" in told
    assert "settings.yaml:4:5: sources.prometheus.speed: unknown key 'speed'" in told
    assert "settings.yaml:5:3: sources.statsd.type: no sources plugin 'statsd'; inst" in told
    assert "environment: sources.prometheus.urls: " in told
    assert "secret" not in told.replace("secrets", "")
    assert "99" not in told


@pytest.mark.parametrize(
    "stated",
    [
        {"orchestrator": "tcp://me:secret@host"},
        {"orchestrator": {"host": "ftp://me:secret@host"}},
        {"orchestrator": ["tcp://me:secret@host"]},
        {"sources": {"prometheus": "http://me:secret@host"}},
        {"sources": "http://me:secret@host"},
        {"listen": "http://me:secret@host"},
    ],
)
def test_a_login_in_an_address_is_not_shown(stated: dict[str, object]) -> None:
    assert "secret" not in refusal(overrides=stated)
    with pytest.raises(Invalid) as caught:
        adapters.adapter("orchestrators", {"type": "swarm", **stated})
    assert "secret" not in str(caught.value)


def test_a_source_may_have_any_name() -> None:
    path = file("sources:\n  prometheus:\n  thanos: {type: prometheus, urls: ['http://t:1']}\n")
    settings = load(config=path)
    assert settings.source_plugins == {"prometheus": "prometheus", "thanos": "prometheus"}


def test_a_cluster_may_be_named_alone() -> None:
    assert load(config=file("orchestrator: swarm")).orchestrator == {"type": "swarm"}
    assert "no orchestrators plugin 'nomad'" in refusal(config=file("orchestrator: nomad"))


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:9095", ("127.0.0.1", 9095)),
        (":80", ("", 80)),
        ("[::1]:80", ("::1", 80)),
        ("localhost:0", ("localhost", 0)),
    ],
)
def test_an_address_is_taken_apart(text: str, address: tuple[str, int]) -> None:
    assert Settings(listen=text).address == address


@pytest.mark.parametrize("text", ["9095", "host", "host:", "host:99999", "::1:80", "a b:80"])
def test_what_is_no_address_is_refused(text: str) -> None:
    assert "expected host:port" in refusal(overrides={"listen": text})


def test_broken_json_in_a_variable_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOSCALER_BRAKE", "{percent")
    assert refusal().startswith("environment: error parsing value for field")


def test_a_file_that_is_no_mapping_is_told() -> None:
    assert refusal(config=file("- a")) == "settings.yaml:1:1: expected a mapping of settings"


def test_the_store_lies_where_it_may_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model, "SYSTEM_STATE", tmp_path)
    assert default_store() == str(tmp_path / "autoscaler.db")
    monkeypatch.setattr(model, "SYSTEM_STATE", tmp_path / "gone")
    monkeypatch.setenv("XDG_STATE_HOME", "/state")
    assert default_store() == "/state/autoscaler/autoscaler.db"
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", "/home/me")
    assert default_store() == "/home/me/.local/state/autoscaler/autoscaler.db"
