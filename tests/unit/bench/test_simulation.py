"""Slices of the simulation add up."""

from bench.simulation import told


def a_slice(first: int, **changes: object) -> dict[str, object]:
    known = {"commit": "abc", "from": first, "to": first + 7, "cluster_hours": 12.0, "load": 1.0}
    return {**known, "seconds": 60, "faults": 5, "bad": {}, **changes}


def test_what_all_slices_come_to_stands_first() -> None:
    total, first, second = told([a_slice(1), a_slice(9, bad={"12": "it broke"})]).splitlines()
    assert total == "1.0 cluster-days, 10 faults"
    assert first == "| abc | 1-8 | 12.0 | 60 | 720 | 1.0 | 5 | - |"
    assert second.endswith("| 12: it broke |")
