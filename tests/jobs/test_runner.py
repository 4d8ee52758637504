from __future__ import annotations

from tests.jobs.conftest import World, wanted

from redline.jobs.job import JobState


def test_a_first_request_takes_two_calls_and_a_second_none(world: World) -> None:
    first = world.done(wanted())
    second = world.done(wanted())

    assert first.state is JobState.COMPLETE, first
    assert (first.requests, first.records) == (2, 21)  # bars and splits; sessions of January 2024 in New York
    assert second.state is JobState.COMPLETE
    assert (second.requests, second.records, second.plan["route"]) == (0, 21, "none")
    assert first.job_id < second.job_id
