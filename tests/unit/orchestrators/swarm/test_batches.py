"""Task lists stay small, and nobody is forgotten."""

from hypothesis import given
from hypothesis import strategies as st

from autoscaler.model import Rollout, Service
from autoscaler.orchestrators.swarm import ListSettings
from autoscaler.orchestrators.swarm.batches import Need, batches
from autoscaler.orchestrators.swarm.listed import Listed
from autoscaler.orchestrators.swarm.plan import plan, suspect, whole
from autoscaler.orchestrators.swarm.remembered import Remembered

LIMIT = 10_000
NEEDS = st.lists(
    st.builds(
        lambda number, size, whole: (number, size, whole),
        st.integers(0, 10**6),
        st.integers(1, 5 * LIMIT),
        st.booleans(),
    ),
    unique_by=lambda need: need[0],
    max_size=60,
)


@given(NEEDS, st.integers(1, 20))
def test_every_service_is_in_one_batch_and_no_batch_is_too_large(
    drawn: list[tuple[int, int, bool]], services: int
) -> None:
    needs = [Need(f"s{number}", size, whole) for number, size, whole in drawn]
    sizes = {need.service_id: need.size for need in needs}
    packed = batches(needs, body_bytes=LIMIT, services=services)
    assert sorted(key for batch in packed for key in batch.services) == sorted(sizes)
    for batch in packed:
        total = sum(sizes[key] for key in batch.services)
        assert len(batch.services) <= services
        assert total / batch.pages <= LIMIT
        assert batch.pages == 1 or len(batch.services) == 1


@given(st.integers(2, 36))
def test_the_pages_of_a_service_have_every_first_character_once(pages: int) -> None:
    (batch,) = batches([Need("s", pages * LIMIT, whole=True)], body_bytes=LIMIT, services=10)
    requests = list(batch.requests())
    assert len(requests) == pages
    found = sorted(digit for request in requests for digit in request["id"])
    assert found == sorted("0123456789abcdefghijklmnopqrstuvwxyz")


def test_only_whole_lists_have_the_ended_tasks() -> None:
    packed = batches(
        [Need("well", 1, whole=False), Need("sick", 1, whole=True)], body_bytes=LIMIT, services=10
    )
    filters = [request for batch in packed for request in batch.requests()]
    assert filters == [
        {"service": ["sick"]},
        {"service": ["well"], "desired-state": ["running", "ready"]},
    ]


def listed(name: str, *, replicas: int = 2, running: int = 2, version: int = 1) -> Listed:
    service = Service(id=name, name=name, version=version, replicas=replicas, running=running)
    return Listed(service, desired=replicas, task_bytes=1000)


def known(seen: Listed, turn: int = 1, whole: int | None = None) -> Remembered:
    return Remembered(seen.service.version, seen.counts, (), whole, turn)


SMALL = ListSettings(body_bytes=12_000, suspect_requests=2, rotation_requests=1, retention=5)


def test_a_small_fleet_is_listed_whole_each_time() -> None:
    fleet = {"only": listed("only", replicas=1, running=1)}
    assert [need.whole for need in plan(fleet, {}, set(), SMALL)] == [True]


def test_suspects_come_first_and_whole_and_the_rest_in_turn() -> None:
    fleet = {name: listed(name) for name in ("a", "b", "c", "d", "e", "f", "g", "h")}
    fleet["h"] = listed("h", running=1)
    memory = {
        name: known(each, turn=9 - number) for number, (name, each) in enumerate(fleet.items())
    }
    needs = plan(fleet, memory, set(), SMALL)
    assert (needs[0].service_id, needs[0].whole) == ("h", True)
    assert [need.service_id for need in needs[1:]] == ["g", "f", "e", "d", "c", "b"]
    assert not any(need.whole for need in needs[1:])


def test_one_suspect_is_listed_however_large() -> None:
    fleet = {"huge": listed("huge", replicas=10_000), "b": listed("b")}
    needs = plan(fleet, {}, {"huge"}, SMALL)
    assert [need.service_id for need in needs] == ["huge", "b"]


def test_more_suspects_than_requests_take_turns() -> None:
    fleet = {f"s{number}": listed(f"s{number}", running=0) for number in range(20)}
    memory: dict[str, Remembered] = {}
    for turn in range(20):
        for need in plan(fleet, memory, set(), SMALL):
            memory[need.service_id] = known(fleet[need.service_id], turn)
    assert memory.keys() == fleet.keys()


def test_what_makes_a_service_a_suspect() -> None:
    well = listed("a")
    assert not suspect(well, None, set())
    assert not suspect(well, known(well), set())
    assert suspect(well, known(well), {"a"})
    assert suspect(well, known(listed("a", version=2)), set())
    assert suspect(listed("a", running=1), known(well), set())
    assert suspect(listed("a", running=3), None, set())
    rolling = Service(id="a", name="a", version=1, replicas=2, running=2, rollout=Rollout.PAUSED)
    assert suspect(Listed(rolling, desired=2, task_bytes=1), None, set())


def test_the_size_of_a_whole_list_is_learnt() -> None:
    each = listed("a", replicas=10, running=10)
    settings = ListSettings(retention=5)
    assert whole(each, None, settings).size == 60_000
    assert whole(each, known(each, whole=12), settings).size == 22_000
