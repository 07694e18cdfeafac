"""What may be secret is not shown."""

from __future__ import annotations

import pytest

from autoscaler.redaction import redacted, redacted_text, without_labels
from autoscaler.testing.builders import a_service

CANARY = "canary-4711"


@pytest.mark.parametrize(
    "text",
    [
        f"cannot reach http://user:{CANARY}@host/metrics",
        f"cannot reach https://{CANARY}@host/metrics",
        f"Authorization: Bearer {CANARY}",
        f"'Authorization': 'Basic {CANARY}'",
        f"DB_PASSWORD={CANARY} is no variable",
        f"--password={CANARY}",
        f"https://host/x?token={CANARY}&a=b",
        f'{{"api_key": "{CANARY}"}}',
        f"client-secret: {CANARY}",
        f"private_key='{CANARY}'",
        f"https://host/hooks/token={CANARY}",
        f"/etc/app/secret:{CANARY}",
        f"see a/b. password: {CANARY}",
        f"https://host/api/password: {CANARY}",
    ],
)
def test_a_secret_in_a_text_is_hidden(text: str) -> None:
    assert CANARY not in redacted_text(text)


@pytest.mark.parametrize(
    "text",
    [
        "load: 250 a replica, target 100: 2 -> 5",
        "somebody changed the replicas; 300 s to go",
        "cannot read a token from /run/secrets/x",
        "http://prometheus:9090/api/v1/query",
        "2 of 3 tasks run",
        "cannot read /run/secrets/hook_token: No such file or directory",
        "settings: api.tokens.ann.file: it is empty",
        "show a token, as `Authorization: Bearer ...`",
        "there is no store at ./secrets.db: start the service",
    ],
)
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert redacted_text(text) == text


def test_documents_are_looked_through() -> None:
    document = {"a": [{"password": CANARY, "n": 1}], "url": f"http://{CANARY}@host", "ok": None}
    assert redacted(document) == {
        "a": [{"password": "***", "n": 1}],
        "url": "http://***@host",
        "ok": None,
    }


def test_labels_of_others_are_hidden() -> None:
    service = a_service(
        labels={"traefik.users": CANARY, "autoscaler.max": "5"}, container_labels={"x": CANARY}
    )
    hidden = without_labels(service)
    assert hidden.labels == {"traefik.users": "***", "autoscaler.max": "5"}
    assert hidden.container_labels == {"x": "***"}


@pytest.mark.parametrize(
    "piece", ["x", "token", "token=", "token ", "://", "basic ", "secret-", "@"]
)
def test_a_long_text_comes_to_an_end(piece: str) -> None:
    """What takes the square of the length would not, before the test's own time is over."""
    assert redacted_text(piece * (1_000_000 // len(piece)))
