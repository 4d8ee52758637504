"""The budget of a key, with a clock that obeys."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest

from redline.clock import Watch
from redline.errors import BadField, Cancelled
from redline.net.budget import Budgets, KeyBudget
from redline.testing import FakeClock

ORIGIN = "https://api.massive.com:443"


def spend(budget: KeyBudget, requests: int, watch: Watch | None = None) -> None:
    for _ in range(requests):
        with budget.slot(watch or Watch()):
            budget.count("v2/aggs")


def test_the_eleventh_request_of_ten_waits_for_one_window(budgets: Budgets, clock: FakeClock) -> None:
    budget = budgets.key("massive", ORIGIN, "key")

    spend(budget, 11)

    assert clock.slept == [pytest.approx(60.0, abs=0.1)]


def test_a_slot_rests_from_the_end_of_its_answer_and_not_from_its_start(budgets: Budgets, clock: FakeClock) -> None:
    budget = budgets.key("massive", ORIGIN, "key", 1)
    with budget.slot(Watch()):
        clock.advance(25)  # a slow answer

    spend(budget, 1)

    assert sum(clock.slept) == pytest.approx(60.0, abs=0.1)


def test_a_slot_that_was_given_back_does_not_rest(budgets: Budgets, clock: FakeClock) -> None:
    budget = budgets.key("massive", ORIGIN, "key", 1)
    with budget.slot(Watch()) as slot:
        slot.give_back()

    spend(budget, 1)

    assert clock.slept == []


def test_an_error_inside_the_slot_counts_as_a_request(budgets: Budgets, clock: FakeClock) -> None:
    budget = budgets.key("massive", ORIGIN, "key", 1)
    with pytest.raises(ZeroDivisionError), budget.slot(Watch()):
        _ = 1 / 0

    spend(budget, 1)

    assert len(clock.slept) == 1


def test_a_wait_says_why_and_for_how_long(budgets: Budgets) -> None:
    budget = budgets.key("massive", ORIGIN, "key", 2)
    heard: list[tuple[str, float]] = []

    spend(budget, 3, Watch(on_wait=lambda reason, seconds: heard.append((reason, seconds))))

    assert heard[0] == ("budget: 2 of 2 used", pytest.approx(60.0, abs=0.1))
    assert heard[-1] == ("", 0.0)


def test_a_stopped_wait_gives_its_reservation_back(budgets: Budgets, clock: FakeClock) -> None:
    budget = budgets.key("massive", ORIGIN, "key", 1)
    spend(budget, 1)
    stopped = Watch()

    def stop(reason: str, seconds: float) -> None:
        stopped.cancel.set()

    with pytest.raises(Cancelled), budget.slot(Watch(cancel=stopped.cancel, on_wait=stop)):
        pytest.fail("nothing may be sent")

    clock.advance(61)
    spend(budget, 1)
    assert clock.slept == []  # nobody stands in the way, and the stopped wait used nothing


def test_a_pause_holds_for_everybody_who_uses_the_key_and_for_nobody_else(budgets: Budgets, clock: FakeClock) -> None:
    ours, same = budgets.key("massive", ORIGIN, "key"), budgets.key("massive", ORIGIN, "key")
    other = budgets.key("massive", ORIGIN, "another key")
    heard: list[str] = []

    ours.pause(7.0, "the vendor asked to wait")
    ours.pause(2.0, "a shorter one")
    spend(other, 1)
    spend(same, 1, Watch(on_wait=lambda reason, seconds: heard.append(reason)))

    assert clock.slept == [7.0]
    assert heard[0] == "the vendor asked to wait"


def test_a_limit_that_is_named_is_everybodys_and_none_takes_the_known_one(budgets: Budgets) -> None:
    first = budgets.key("massive", ORIGIN, "key", 5)

    assert budgets.key("massive", ORIGIN, "key").limit_per_minute == 5
    budgets.key("massive", ORIGIN, "key", 100)
    assert first.limit_per_minute == 100
    assert budgets.key("massive", ORIGIN, "unknown", default_limit=5).limit_per_minute == 5


def test_the_delay_is_the_limit_said_otherwise(budgets: Budgets) -> None:
    budget = budgets.key("massive", ORIGIN, "key")

    assert budget.delay_s == 6.0
    budget.delay_s = 12.0
    assert budget.limit_per_minute == 5.0
    budget.delay_s = 0.1
    assert budget.delay_s == pytest.approx(0.1)
    with pytest.raises(BadField):
        budget.delay_s = 0.0


def test_a_lowered_limit_holds_for_what_was_already_sent(budgets: Budgets, clock: FakeClock) -> None:
    budget = budgets.key("massive", ORIGIN, "key", 600)
    spend(budget, 30)  # three seconds' worth
    waited = sum(clock.slept)

    budget.limit_per_minute = 10
    spend(budget, 1)

    assert sum(clock.slept) - waited > 55  # the ten slots that are left were used a moment ago


def test_a_raised_limit_is_free_at_once(budgets: Budgets, clock: FakeClock) -> None:
    budget = budgets.key("massive", ORIGIN, "key", 5)
    spend(budget, 5)

    budget.limit_per_minute = 10
    spend(budget, 5)

    assert clock.slept == []


def test_a_wall_clock_that_jumps_changes_no_wait(budgets: Budgets, clock: FakeClock) -> None:
    budget = budgets.key("massive", ORIGIN, "key", 1)
    spend(budget, 1)

    clock.jump_wall(3_600)
    spend(budget, 1)
    clock.jump_wall(-7_200)
    spend(budget, 1)

    assert sum(clock.slept) == pytest.approx(120, abs=0.3)


def test_usage_is_counted_by_endpoint_and_day(budgets: Budgets, clock: FakeClock) -> None:
    budget = budgets.key("massive", ORIGIN, "key")
    spend(budget, 3)
    with budget.slot(Watch()):
        budget.count("stocks/v1/splits")

    usage = budget.snapshot()

    assert (usage.source, usage.limit, usage.window_s, usage.used) == ("massive", 10, 60.0, 4)
    assert (usage.today, usage.endpoints) == (4, {"stocks/v1/splits": 1, "v2/aggs": 3})
    assert usage.next_slot_s == 0.0
    assert budgets.snapshots() == [usage]
    clock.advance(86_400)
    assert (budget.snapshot().today, budget.snapshot().used) == (0, 0)


def test_a_full_budget_says_when_the_next_slot_comes(budgets: Budgets, clock: FakeClock) -> None:
    budget = budgets.key("massive", ORIGIN, "key", 2)
    spend(budget, 2)
    clock.advance(20)

    assert budget.snapshot().next_slot_s == pytest.approx(40, abs=0.1)
    budget.pause(300, "the vendor asked to wait")
    assert budget.snapshot().next_slot_s == pytest.approx(300, abs=0.1)


def test_above_sixty_a_minute_the_meter_still_shows_a_minute(budgets: Budgets, clock: FakeClock) -> None:
    budget = budgets.key("massive", ORIGIN, "key", 600)
    spend(budget, 35)

    usage = budget.snapshot()

    assert (usage.limit, usage.window_s, usage.used) == (600, 60.0, 35)
    clock.advance(62)
    assert budget.snapshot().used == 0


def test_keys_not_seen_since_the_day_before_yesterday_are_not_listed(budgets: Budgets, clock: FakeClock) -> None:
    spend(budgets.key("massive", ORIGIN, "old"), 1)
    clock.advance(3 * 86_400)
    spend(budgets.key("massive", ORIGIN, "new"), 1)

    assert [usage.today for usage in budgets.snapshots()] == [1]


def test_the_key_is_nowhere_in_the_file(budgets: Budgets, tmp_path: Path) -> None:
    spend(budgets.key("massive", ORIGIN, "canary-key-0123456789"), 1)
    budgets.close()

    for file in (tmp_path / "state").iterdir():
        assert b"canary" not in file.read_bytes()


def test_threads_share_the_budget(budgets: Budgets, clock: FakeClock) -> None:
    budget = budgets.key("massive", ORIGIN, "key", 10)
    threads = [threading.Thread(target=spend, args=(budget, 5)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert budget.snapshot().today == 20
    assert clock.since_boot() - 1_000 >= 60  # 20 requests of 10: a window at least went by


def test_two_files_of_one_process_do_not_disturb_each_other(tmp_path: Path, clock: FakeClock) -> None:
    one, two = (Budgets(tmp_path / "budgets.db", clock) for _ in range(2))
    spend(one.key("massive", ORIGIN, "key", 2), 2)

    spend(two.key("massive", ORIGIN, "key"), 1)

    assert len(clock.slept) == 1
    one.close()
    two.close()


def test_the_file_is_plain_sqlite(budgets: Budgets, tmp_path: Path) -> None:
    spend(budgets.key("massive", ORIGIN, "key"), 1)

    with sqlite3.connect(tmp_path / "state" / "budgets.db") as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    db.close()


def test_one_origin_spelled_in_many_ways_has_one_budget(budgets: Budgets) -> None:
    spend(budgets.key("massive", "https://api.massive.com", "key"), 1)
    spend(budgets.key("massive", "https://API.massive.com:443/", "key"), 1)
    spend(budgets.key("massive", "http://127.0.0.1:9999", "key"), 1)

    assert sorted(usage.used for usage in budgets.snapshots()) == [1, 2]
