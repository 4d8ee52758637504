"""The circuit breaker of a source."""

from __future__ import annotations

import pytest

from redline.net.breaker import REST_S, Breaker, Pass
from redline.testing import FakeClock


@pytest.fixture
def breaker(clock: FakeClock) -> Breaker:
    return Breaker("massive", clock)


def entered(breaker: Breaker) -> Pass:
    given = breaker.enter()
    assert given is not None
    return given


def test_a_healthy_source_lets_everybody_through(breaker: Breaker) -> None:
    assert [breaker.enter() for _ in range(5)] == [Pass(probe=False)] * 5
    assert breaker.ready_in_s() == 0


def test_after_one_failure_one_request_at_a_time_goes_through(breaker: Breaker) -> None:
    breaker.failed(entered(breaker))

    probe = entered(breaker)
    assert probe.probe
    assert breaker.enter() is None
    assert breaker.ready_in_s() > 0
    breaker.succeeded(probe)
    assert breaker.enter() == Pass(probe=False)


def test_after_three_failures_it_rests_and_then_lets_one_probe_through(breaker: Breaker, clock: FakeClock) -> None:
    for _ in range(3):
        breaker.failed(entered(breaker))

    assert breaker.is_open
    assert breaker.enter() is None
    assert breaker.ready_in_s() == REST_S
    clock.advance(REST_S)
    probe = entered(breaker)
    assert breaker.enter() is None
    breaker.failed(probe)
    assert breaker.ready_in_s() == REST_S


def test_a_probe_that_was_not_made_is_free_for_the_next(breaker: Breaker) -> None:
    breaker.failed(entered(breaker))
    breaker.left(entered(breaker))

    assert breaker.enter() is not None


def test_a_minute_of_outage_costs_at_most_ten_requests_and_its_end_is_noticed_in_ten_seconds(
    breaker: Breaker, clock: FakeClock
) -> None:
    sent = 0
    while clock.since_boot() < 1_060:
        given = breaker.enter()
        if given is None:
            clock.advance(0.1)
        else:
            sent += 1
            breaker.failed(given)

    assert sent <= 10
    assert breaker.ready_in_s() <= 10
