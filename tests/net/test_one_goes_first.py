"""After a pause that a 429 made, one request goes first; the others when it was served."""

from __future__ import annotations

import threading
from itertools import pairwise
from pathlib import Path

import pytest

from redline.clock import SystemClock, Watch
from redline.errors import Cancelled
from redline.net.budget import Budgets, KeyBudget
from redline.net.http import VENDOR_WAITS
from redline.testing import FakeClock

from .conftest import MakeClient
from .test_budget_processes import senders, wait_for
from .vendor import Reply, Vendor, most_in_any_window

ORIGIN = "https://api.massive.com:443"


def let_through(budget: KeyBudget) -> bool:
    """Ask for a slot; tell whether it was given at once. Nothing is sent with it."""
    watch = Watch()

    def stop(reason: str, seconds: float) -> None:
        if reason:
            watch.cancel.set()

    try:
        with budget.slot(Watch(cancel=watch.cancel, on_wait=stop)) as slot:
            slot.give_back()
    except Cancelled:
        return False
    return True


@pytest.fixture
def paused(budgets: Budgets, clock: FakeClock) -> KeyBudget:
    """A budget of 60 whose pause is just over; ``budgets.key`` of the same key shares it."""
    budget = budgets.key("massive", ORIGIN, "key", 60)
    budget.pause(7.0, VENDOR_WAITS)
    clock.advance(7.5)
    return budget


def test_the_others_wait_until_the_first_was_served(paused: KeyBudget, budgets: Budgets, clock: FakeClock) -> None:
    other = budgets.key("massive", ORIGIN, "key")
    with paused.slot() as slot:
        assert not let_through(other)
        clock.advance(20)
        assert not let_through(other)
        slot.served()

    with other.slot(), paused.slot():
        assert let_through(other)


def test_who_waits_for_the_first_says_what_for(paused: KeyBudget, clock: FakeClock) -> None:
    heard: list[tuple[str, float]] = []
    stop = threading.Event()

    def listen(reason: str, seconds: float) -> None:
        heard.append((reason, seconds))
        stop.set()

    with paused.slot(), pytest.raises(Cancelled), paused.slot(Watch(cancel=stop, on_wait=listen)):
        pytest.fail("nothing may be sent")

    assert heard[0] == (VENDOR_WAITS, pytest.approx(0.5))


def test_a_first_that_is_refused_leaves_no_gap_for_the_others(paused: KeyBudget, clock: FakeClock) -> None:
    for _ in range(5):
        with paused.slot():
            paused.pause(10.0, VENDOR_WAITS)
            assert not let_through(paused)
        assert not let_through(paused)
        clock.advance(10.5)


def test_a_first_without_an_answer_is_followed_by_another_first(paused: KeyBudget) -> None:
    with pytest.raises(ZeroDivisionError), paused.slot():
        _ = 1 / 0
    with paused.slot() as given_back:
        given_back.give_back()

    with paused.slot():
        assert not let_through(paused)


def test_what_was_sent_before_the_pause_says_nothing_about_its_end(budgets: Budgets, clock: FakeClock) -> None:
    budget = budgets.key("massive", ORIGIN, "key", 60)
    with budget.slot() as early:
        budget.pause(7.0, VENDOR_WAITS)
        clock.advance(7.5)
        early.served()

    with budget.slot():
        assert not let_through(budget)


def test_a_first_served_while_another_answer_says_no_ends_no_pause(paused: KeyBudget, clock: FakeClock) -> None:
    with paused.slot() as first:
        paused.pause(30.0, VENDOR_WAITS)  # a 429 that was under way since before
        first.served()

    assert paused.paused_s() == 30.0
    clock.advance(30.5)
    with paused.slot():
        assert not let_through(paused)


def test_a_process_that_was_stopped_with_the_first_holds_nobody_up_for_ever(
    paused: KeyBudget, clock: FakeClock
) -> None:
    with paused.slot():
        clock.advance(59)
        assert not let_through(paused)
        clock.advance(3)
        assert let_through(paused)


def test_below_one_request_a_minute_the_first_goes_too(budgets: Budgets, clock: FakeClock) -> None:
    budget = budgets.key("massive", ORIGIN, "key", 0.5)
    budget.pause(1.0, VENDOR_WAITS)
    clock.advance(2)
    with budget.slot() as slot:
        slot.served()

    assert not let_through(budget)
    clock.advance(121)
    assert let_through(budget)


def test_a_client_whose_answer_is_no_refusal_lets_the_others_go(
    vendor: Vendor, client: MakeClient, clock: FakeClock, budgets: Budgets
) -> None:
    vendor.answers(Reply(429, {"Retry-After": "3"}), Reply(200))
    one = client()
    one.get(f"{vendor.origin}/a", what="a call", endpoint="calls")
    budget = budgets.key("massive", vendor.origin, "canary-key")

    with budget.slot():
        assert let_through(budget)
    assert clock.slept == [3.0]


def test_threads_that_wait_out_a_429_send_one_call_to_a_vendor_that_goes_on_saying_no(
    vendor: Vendor, tmp_path: Path
) -> None:
    vendor.script = lambda n, path: Reply(429, {"Retry-After": "1"}) if n <= 6 else Reply(delay_s=0.05)
    with senders(1, tmp_path / "budgets.db", vendor, 60, 3.0):
        wait_for(vendor, 12)
    at = [asked.at for asked in vendor.asked]

    # Three threads are refused at first; then one at the end of each second, until one is served.
    alone = [later - earlier for earlier, later in pairwise(at[2:7])]
    assert min(alone) >= 0.9
    assert at[7] - at[6] >= 0.05


def test_a_first_that_is_killed_with_its_process_is_followed_by_another(vendor: Vendor, tmp_path: Path) -> None:
    replies = {1: Reply(429, {"Retry-After": "1"}), 2: Reply(delay_s=30), 3: Reply(delay_s=0.3)}
    vendor.script = lambda n, path: replies.get(n, Reply())
    file, window_s = tmp_path / "budgets.db", 0.6
    Budgets(file, SystemClock(), window_s=window_s).key("massive", vendor.origin, "key", 6).pause(0.01, VENDOR_WAITS)
    with senders(1, file, vendor, 6, window_s):
        wait_for(vendor, 2)  # refused, and a second later one that hangs
    with senders(2, file, vendor, 6, window_s):
        wait_for(vendor, 20)
    at = [asked.at for asked in vendor.asked]

    assert at[1] - at[0] >= 0.9
    assert at[3] - at[2] >= 0.3  # the next first was alone until it was served
    assert most_in_any_window(at, window_s) <= 6
