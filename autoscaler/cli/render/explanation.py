"""One decision in full: what was seen, what was wanted, what each guard said, what came of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from autoscaler.cli.render import words
from autoscaler.cli.render.orders import by_hand
from autoscaler.cli.render.wellbeing import health, release
from autoscaler.decide.guards import GUARDS
from autoscaler.model import (
    Act,
    Decision,
    Memory,
    Observation,
    Outcome,
    Quality,
    Record,
    Room,
    Sample,
    Verdict,
)

_QUALITIES = {Quality.VALUE: "green", Quality.PARTIAL: "yellow"}


Change = tuple[Decision, Outcome | None]
"""The newest decision with an action, and how that ended; None while it is open."""


def explanation(record: Record, now: float, change: Change | None = None) -> Group:
    """A record for people; `now` tells how long ago it was."""
    decision, observation = record.decision, record.observation
    return Group(
        _head(decision, now),
        *_section("NOTES", _notes(decision)),
        *_section("SEEN", _seen(observation, record.memory)),
        *_section("BY HAND", by_hand(decision)),
        *_section("METRICS", _metrics(record)),
        *_section("SYMPTOMS", _symptoms(observation)),
        *_section("HEALTH", health(decision)),
        *_section("RELEASE", release(decision)),
        *_section("WANTED", _wanted(decision)),
        *_section("GUARDS, IN ORDER", _guards(decision)),
        *_section("ACTION", _action(decision, change)),
        *_section("LAST CHANGE", _last_change(decision, change, now)),
    )


def replay(stored: Decision, again: Decision) -> Text:
    """Whether deciding again gives the same."""
    if stored == again:
        return Text("Deciding again gives the same decision.", style="green")
    differing = [key for key in Decision.__slots__ if getattr(stored, key) != getattr(again, key)]
    lines = [f"Deciding again differs in {', '.join(differing)}:"]
    lines += [
        f"  {key}: was {getattr(stored, key)!r}, is {getattr(again, key)!r}" for key in differing
    ]
    return Text("\n".join(lines), style="bold red")


def _section(title: str, body: RenderableType | None) -> Iterator[RenderableType]:
    if body is not None:
        yield Text(f"\n{title}", style="bold")
        yield Padding(body, (0, 0, 0, 2))


def _head(decision: Decision, now: float) -> Text:
    return Text.assemble(
        (decision.service, "bold"),
        f"  policy {decision.policy}",
        (f"  {words.at(decision.at)}, {words.ago(decision.at, now)} ago", "dim"),
    )


def _notes(decision: Decision) -> Text | None:
    return Text("\n".join(decision.notes), style="yellow") if decision.notes else None


def _seen(observation: Observation, memory: Memory) -> Table:
    drawn = Table.grid(padding=(0, 2))
    for name, told in _facts(observation, memory).items():
        drawn.add_row(Text(name, style="dim"), told)
    return drawn


def _facts(observation: Observation, memory: Memory) -> Mapping[str, str]:
    service, fleet = observation.service, observation.fleet
    facts = {"replicas": f"{words.count(service.replicas)}, running {words.count(service.running)}"}
    facts["rollout"] = f"{service.rollout.value} {service.rollout_message}".strip()
    if observation.room is not None:
        facts["room for"] = _room(observation.room)
    facts["the fleet may lose"] = _limit(fleet.removable)
    facts["the fleet may gain"] = _limit(fleet.addable)
    if observation.unsettled is not None:
        facts["unsettled"] = observation.unsettled
    if memory.disturbed_at is not None:
        facts["changed by somebody else"] = f"{_before(memory.disturbed_at, observation)} before"
    if memory.missing_since is not None:
        missing = _before(memory.missing_since, observation)
        facts["data missing since"] = f"{missing} before; good samples since: {memory.good}"
    return facts


def _room(room: Room) -> str:
    more = "as many as it likes" if room.more is None else f"{room.more} more"
    return f"{more}; {room.reason}" if room.reason else more


def _limit(number: int | None) -> str:
    return "no limit" if number is None else str(number)


def _before(then: float, observation: Observation) -> str:
    return words.ago(then, observation.now)


def _metrics(record: Record) -> Table | None:
    samples = record.observation.samples
    asked = record.decision.recommendations
    proposals = {
        found.name: found for found in asked if found.act is Act.SCALE and not found.by_hand
    }
    names = [*dict.fromkeys([*proposals, *samples])]
    if not names:
        return None
    drawn = words.table("METRIC", ">VALUE", "QUALITY", ">AGE", ">WANTS", "BECAUSE")
    for name in names:
        proposal = proposals.get(name)
        drawn.add_row(
            name,
            *_sample(samples.get(name), record.observation.now),
            words.count(proposal.replicas if proposal else None),
            proposal.reason if proposal else "not asked",
        )
        if name in record.observation.coverage:
            told = _sample(record.observation.coverage[name], record.observation.now)
            drawn.add_row(Text("  its coverage", style="dim"), *told, "", "")
    return drawn


def _symptoms(observation: Observation) -> Table | None:
    """What rules of healing have asked sources."""
    if not observation.symptoms:
        return None
    drawn = words.table("RULE", ">VALUE", "QUALITY", ">AGE")
    for name, sample in observation.symptoms.items():
        drawn.add_row(name, *_sample(sample, observation.now))
    return drawn


def _sample(sample: Sample | None, now: float) -> tuple[str, Text, str]:
    if sample is None:
        return words.UNKNOWN, Text("not read", style="red"), words.UNKNOWN
    quality = Text(sample.quality.value, style=_QUALITIES.get(sample.quality, "red"))
    if sample.detail:
        quality.append(f" ({sample.detail})", style="dim")
    return _value(sample), quality, words.ago(sample.at, now)


def _value(sample: Sample) -> str:
    if sample.tasks is None:
        return words.number(sample.value)
    known = [task.value for task in sample.tasks.values() if task.value is not None]
    mean = words.number(sum(known) / len(known)) if known else words.UNKNOWN
    return f"{mean} in {len(known)} tasks"


def _wanted(decision: Decision) -> Text:
    """How many, and by whom: the reason's first clause, before what the guards said."""
    if decision.wanted is None:
        return Text(decision.reason)
    if decision.action is not None and decision.action.heals:
        return Text.assemble((str(decision.wanted), "bold"), ", after the cure")
    cause = decision.reason.partition("; ")[0]
    if decision.wanted == decision.current:
        return Text.assemble((str(decision.wanted), "bold"), f", as it is ({cause})")
    has = f", has {words.count(decision.current)}"
    return Text.assemble((str(decision.wanted), "bold"), f"{has} ({cause})")


def _guards(decision: Decision) -> Table | None:
    """Every guard: those that were content, those that spoke, those that were not asked."""
    ordered = decision.action is not None and decision.action.order is not None
    if decision.wanted is None or decision.wanted == decision.current or ordered:
        return None
    drawn = Table.grid(padding=(0, 2))
    proposed = decision.wanted
    for name, verdict in _in_order(decision):
        if proposed == decision.current:
            drawn.add_row(Text(name, style="dim"), Text("not asked", style="dim"), "")
        elif verdict is None:
            drawn.add_row(name, Text("lets it pass", style="green"), "")
        else:
            said = Text(f"{proposed} -> {verdict.replicas}", style="yellow")
            drawn.add_row(Text(name, style="bold"), said, verdict.reason)
            proposed = verdict.replicas
    return drawn


def _in_order(decision: Decision) -> Iterator[tuple[str, Verdict | None]]:
    """Guards by name; those of another version, whose verdicts are stored, at the end."""
    spoke = {verdict.guard: verdict for verdict in decision.verdicts if not verdict.about}
    for guard in GUARDS:
        yield guard.__name__, spoke.pop(guard.__name__, None)
    yield from spoke.items()


def _action(decision: Decision, change: Change | None) -> Text:
    action = decision.action
    if action is not None:
        told = Text.assemble((action.told, "bold green"), (f"  at version {action.version}", "dim"))
        if change is not None and change[0] == decision:
            told.append("  ").append(words.outcome(change[1], decision))
        return told
    if decision.held_by is not None:
        return Text.assemble("none: ", (f"held by {decision.held_by}", "bold yellow"))
    return Text("none: nothing to do")


def _last_change(decision: Decision, change: Change | None, now: float) -> Text | None:
    """What was done last, where this decision did nothing."""
    if change is None or change[0].at >= decision.at or change[0].action is None:
        return None
    last, outcome = change
    return Text.assemble(
        (change[0].action.told, "bold"),
        (f"  {words.at(last.at)}, {words.ago(last.at, now)} ago", "dim"),
        "  ",
        words.outcome(outcome, last),
        f"\n{last.reason}",
        (f"\nautoscaler explain {last.service} --last-change", "dim"),
    )
