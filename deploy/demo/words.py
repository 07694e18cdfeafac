"""What was seen, in words, for a terminal and for a log alike."""

from __future__ import annotations

from collections.abc import Sequence

from deploy.demo.load import PATIENCE
from deploy.demo.process import program
from deploy.demo.stage import Stage
from deploy.demo.swarms import SERVICE
from deploy.demo.verdict import Verdict
from deploy.demo.watch import Mishap, Told

CALM = 1.0
"""Seconds after a change in which it is of no interest that there is no further one."""


def all_told(log: Sequence[Told]) -> list[tuple[Told, str]]:
    """The lines that are of interest, with their words."""
    found: list[tuple[Told, str]] = []
    changed = float("-inf")
    for line in log:
        text = _told(line)
        if direction(line) in ("up", "down"):
            changed = line.at
        elif direction(line) == "none" and line.at < changed + CALM:
            continue
        if text:
            found.append((line, text))
    return found


def _told(line: Told) -> str | None:
    """What the autoscaler decided or did; None for what is of no interest here."""
    what = line.what
    event = what.get("event")
    if event == "decision" and what.get("from") != what.get("to"):
        return f"{what['from']} → {what['to']}  {what['reason']}"
    if event == "decision" and what.get("held_by"):
        return f"{what['from']} held by {what['held_by']}: {what['reason']}"
    if event == "action" and what.get("outcome") != "done":
        return f"not done ({what['outcome']}): {what.get('detail')}"
    if event == "action" and what.get("act") != "scale":
        return f"{what['act']}: {what.get('detail') or 'done'}"
    if event == "health":
        plain = "all tasks run" if what["to"] == "healthy" else "its tasks are not known yet"
        return f"{what['from']} → {what['to']}: {what['reason'] or plain}"
    if event == "failed":
        return f"{what.get('where')}: {what.get('error')}"
    return None


def direction(line: Told) -> str:
    """`up`, `down` or `none` for a decision, `heals` for a cure; `failed` for what went wrong."""
    if line.what.get("event") == "action" and line.what.get("outcome") == "done":
        return "heals"
    if line.what.get("event") != "decision":
        return "heals" if line.what.get("to") == "healthy" else "failed"
    before, after = line.what.get("from") or 0, line.what.get("to") or 0
    return "up" if after > before else "down" if after < before else "none"


def summary(verdict: Verdict | None) -> list[str]:
    """The last lines."""
    if verdict is None:
        return ["FAILED: no task of the service was ever seen running."]
    most = verdict.most
    return [
        f"{verdict.done} jobs done; at most {verdict.longest_queue} were in the queue.",
        (
            f"Running tasks, by Swarm's list: {verdict.first} at the start, {most.running} at"
            f" {most.at:.0f} s ({most.phase}), {verdict.last} at the end;"
            f" {verdict.actions} changes of replicas."
        ),
        *(_mishap(each) for each in verdict.mishaps),
        _judgement(verdict),
    ]


def _mishap(mishap: Mishap) -> str:
    if mishap.mended is None:
        return f"{mishap.told}: not mended."
    return f"{mishap.told}: all was well again after {mishap.mended - mishap.at:.1f} s."


def _judgement(verdict: Verdict) -> str:
    if verdict.followed and verdict.healed:
        return "The service followed its load, up and down, and was healed."
    if verdict.followed:
        return "FAILED: the service followed its load, and was not healed."
    if not verdict.grew:
        return "FAILED: the service did not grow under load."
    return f"FAILED: the service had not shrunk {PATIENCE:.0f} s after the load."


def to_play_with(stage: Stage) -> list[str]:
    """What to type in another terminal."""
    autoscaler = stage.autoscaler
    return [
        "",
        "It stays up until Ctrl-C. In another terminal:",
        f"  export DOCKER_HOST={autoscaler.docker_host} AUTOSCALER_CONFIG={autoscaler.config}",
        "  docker service ls",
        f"  {program()} status",
        f"  {program()} explain {SERVICE}",
        f"  {program()} history",
        f"  curl -X POST {stage.queue_url}/jobs/200          # more work",
        f"  $EDITOR {autoscaler.policies}/*.yaml             # is read again when saved",
        f'  curl -H "Authorization: Bearer $(cat {autoscaler.token})" {autoscaler.page}/metrics',
        f"  tail -f {autoscaler.log}",
    ]
