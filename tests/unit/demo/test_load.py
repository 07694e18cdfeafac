"""The jobs that come, by the profile."""

import pytest

from deploy.demo.load import FULL, Phase, Profile, duration, jobs

PROFILE: Profile = (Phase("quiet", 2, 1, 1), Phase("rising", 4, 1, 3), Phase("falling", 1, 3, 0.5))


@pytest.mark.parametrize(
    ("seconds", "come"),
    [(0, 0), (1, 1), (2, 2), (4, 2 + 3), (6, 2 + 8), (7, 10 + 1.75), (11, 11.75 + 2)],
)
def test_jobs_come_by_the_rate_of_each_phase_and_then_by_that_of_the_end(
    seconds: float, come: float
) -> None:
    assert jobs(PROFILE, seconds) == pytest.approx(come)


def test_no_burst_is_missed_by_looking_seldom() -> None:
    burst = (Phase("nothing", 3, 0, 0), Phase("burst", 0.1, 300, 300), Phase("nothing", 1, 0, 0))
    assert jobs(burst, 3) == 0
    assert jobs(burst, 9) == pytest.approx(30)


def test_jobs_never_become_fewer() -> None:
    moments = [duration(FULL) * n / 100 for n in range(130)]
    come = [jobs(FULL, moment) for moment in moments]
    assert come == sorted(come)
