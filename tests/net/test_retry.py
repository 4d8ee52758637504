"""When to ask again, as tables."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redline.net.retry import Failure, RetryBudget, RetryPolicy, Throttle
from redline.net.retry_after import LONGEST_S, retry_after_s

NOW = datetime(2026, 11, 25, 12, 0, 0, tzinfo=UTC)
DATE = "Wed, 25 Nov 2026 09:00:00 GMT"  # the vendor's clock: three hours behind ours


@pytest.mark.parametrize(
    ("failure", "chance", "wait_s"),
    [
        (Failure(1), 0.999, pytest.approx(0.5, abs=0.01)),
        (Failure(2), 0.5, 0.5),  # full jitter over one second
        (Failure(2), 0.0, 0.0),
        (Failure(3), 0.5, None),  # three attempts
        (Failure(1, allowed=False), 0.5, None),  # most calls fail
        (Failure(1, asked_s=10.0), 0.5, 10.0),
        (Failure(1, asked_s=600.0), 0.5, None),
    ],
)
def test_three_attempts_with_full_jitter(failure: Failure, chance: float, wait_s: float | None) -> None:
    assert RetryPolicy().wait_s(failure, chance) == wait_s


def test_the_jitter_grows_to_eight_seconds() -> None:
    waits = [RetryPolicy(attempts=99).wait_s(Failure(failed), 1.0) for failed in range(1, 8)]

    assert waits == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0]


@pytest.mark.parametrize(
    ("throttle", "wait_s", "gives_up"),
    [
        (Throttle(None, 0, 60, 180), 60, False),  # nothing asked: the window
        (Throttle(3, 0, 60, 180), 3, False),
        (Throttle(3, 179, 60, 180), 3, False),
        (Throttle(None, 180, 60, 180), 60, True),  # three windows without progress
        (Throttle(901, 0, 60, 180), 901, True),  # more than a quarter of an hour
        (Throttle(901, 5_000, 60, None), 901, False),  # a job waits for ever
    ],
)
def test_a_429_is_waited_out_for_three_windows(throttle: Throttle, wait_s: float, gives_up: bool) -> None:
    assert (throttle.wait_s, throttle.gives_up) == (wait_s, gives_up)


def test_retries_stop_when_most_calls_fail_and_come_back_with_success() -> None:
    budget = RetryBudget()

    assert [budget.take() for _ in range(11)] == [True] * 10 + [False]
    for _ in range(4):
        budget.succeeded()
    assert [budget.take(), budget.take()] == [True, False]


def test_at_ten_percent_errors_every_retry_is_allowed() -> None:
    budget = RetryBudget()
    for _ in range(1_000):
        for _ in range(9):
            budget.succeeded()
        assert budget.take()


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("3", 3.0),
        (" 120 ", 120.0),
        ("0", 1.0),  # no loop without a pause
        ("2.5", 2.5),
        ("999999999", LONGEST_S),
        ("-5", None),
        ("soon", None),
        ("", None),
        ("1e9", None),
        ("٣", None),  # a digit, but not one of HTTP's
        ("Wed, 25 Nov 2026 09:00:07 GMT", 7.0),  # against the answer's own date, not our clock
        ("Wed, 25 Nov 2026 08:59:00 GMT", None),  # already over
        ("Wed, 99 Nov 2026 08:59:00 GMT", None),
        ("Wed, 25 Nov 99999 08:59:00 GMT", None),
    ],
)
def test_retry_after_is_read_in_seconds_and_as_a_date(value: str, seconds: float | None) -> None:
    assert retry_after_s({"Retry-After": value, "Date": DATE}, NOW) == seconds


def test_a_date_is_measured_by_our_clock_when_the_answer_has_none() -> None:
    assert retry_after_s({"Retry-After": "Wed, 25 Nov 2026 12:00:30 GMT"}, NOW) == 30.0


@given(st.text(max_size=60), st.text(max_size=40))
def test_no_header_makes_it_fail(value: str, date: str) -> None:
    seconds = retry_after_s({"Retry-After": value, "Date": date}, NOW)

    assert seconds is None or 1.0 <= seconds <= LONGEST_S
