"""The bench runs, and its report has the shape that its tables are made of."""

from __future__ import annotations

import io

from bench import engine


def test_a_tiny_fleet_is_measured_and_shown() -> None:
    report = engine.run([10], ["one", "each"], cycles=2)
    assert [(f["services"], f["policies"]) for f in report["fleets"]] == [(10, "one"), (10, "each")]
    for fleet in report["fleets"]:
        assert len(fleet["steady"]["cycle"]) == 2
        assert fleet["steady"]["actions"] == 0
        assert fleet["storm_figures"]["actions_per_cycle"] == 10
        assert fleet["storm_figures"]["to_parse"] > 0
        assert fleet["memory"]["peak"] >= fleet["memory"]["fleet"] > 0
    shown = io.StringIO()
    engine.show(report, shown)
    assert "storm" in shown.getvalue()


def test_flatness_compares_the_same_policies_in_units_of_the_anchor() -> None:
    def fleet(size: int, kind: str, cost: float) -> engine.Document:
        figures = {"to_parse": cost}
        return {
            "services": size,
            "policies": kind,
            "steady_figures": figures,
            "storm_figures": figures,
        }

    fleets = [fleet(100, "one", 4.0), fleet(10_000, "one", 5.0), fleet(100, "each", 1.0)]
    assert list(engine.flatness(fleets)) == [
        "cost of a service, 10,000 : 100 (one): steady 1.25, storm 1.25"
    ]


def test_the_number_of_cycles_is_odd_and_bounded() -> None:
    counts = [engine.cycles_for(size) for size in engine.SIZES]
    assert all(count % 2 for count in counts)
    assert counts == sorted(counts, reverse=True)
    assert counts[-1] >= 9
