"""The bench of large Swarms runs on a tiny one, and compares what it should."""

from typing import Any

from bench import scale


def test_a_tiny_swarm_is_measured(capsys: Any) -> None:
    report = scale.run([(100, 1000)], cycles=2)
    (found,) = report["sizes"]
    assert (found["services"], found["tasks"], found["cycles"]) == (100, 1000, 2)
    assert found["cycle_s"]["n"] == found["cpu_s"]["n"] == 2
    assert found["requests"]["POST services/.../update"] > 0
    assert found["lag_ms"]["n"] > 0
    assert found["bare_lag_ms"]["n"] > 0
    assert found["memory_mib"] > found["imports_mib"] > 0
    scale.show(report)
    assert "100 services, 1,000 tasks" in capsys.readouterr().out


def test_flatness_compares_the_cpu_time_of_one_service() -> None:
    def size(services: int, cpu: float) -> dict[str, Any]:
        return {"services": services, "cpu_s": {"p50": cpu}}

    (line,) = scale.flatness([size(1_000, 0.5), size(10_000, 6.0)])
    assert line == "CPU of a service, 10,000 : 1,000: 1.20"
    assert scale.flatness([size(1_000, 0.5)]) == []
