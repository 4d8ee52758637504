"""The cheapest mix of tickers and sessions, held against every other one."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from redline.jobs.routes import Lack, cheapest_cover

DAYS = [date(2024, 1, 1) + timedelta(days=n) for n in range(300)]
COSTS = st.integers(1, 7)
LACKS = st.lists(
    st.builds(Lack, st.frozensets(st.sampled_from(DAYS[:6]), min_size=1), st.integers(1, 4), COSTS), max_size=6
)


def cost_of(lacks: Sequence[Lack], by_ticker: frozenset[int], by_day: frozenset[date], day_cost: int) -> int:
    return sum(lacks[one].tickers * lacks[one].cost for one in by_ticker) + len(by_day) * day_cost


def test_nothing_lacking_costs_nothing() -> None:
    assert cheapest_cover([], 1) == (frozenset(), frozenset())


@settings(max_examples=400)
@given(LACKS, COSTS)
def test_all_that_lacks_is_brought_and_no_other_mix_is_cheaper(lacks: list[Lack], day_cost: int) -> None:
    by_ticker, by_day = cheapest_cover(lacks, day_cost)

    assert all(lack.days <= by_day for at, lack in enumerate(lacks) if at not in by_ticker)
    cheapest = min(
        cost_of(
            lacks,
            frozenset(chosen),
            frozenset(day for at, lack in enumerate(lacks) if at not in chosen for day in lack.days),
            day_cost,
        )
        for chosen in (
            set(some) for some in itertools.chain(*(itertools.combinations(range(len(lacks)), n) for n in range(7)))
        )
    )
    assert cost_of(lacks, by_ticker, by_day, day_cost) == cheapest


@settings(max_examples=50)
@given(st.lists(st.frozensets(st.integers(0, 299), min_size=1, max_size=30), min_size=1, max_size=300), st.randoms())
def test_large_cases_are_never_dearer_than_one_route_alone_or_a_mix_by_chance(
    lacking: list[frozenset[int]], chance: object
) -> None:
    lacks = [Lack(frozenset(DAYS[n] for n in days), 1, 1) for days in lacking]

    by_ticker, by_day = cheapest_cover(lacks, 1)

    ours = cost_of(lacks, by_ticker, by_day, 1)
    assert all(lack.days <= by_day for at, lack in enumerate(lacks) if at not in by_ticker)
    for share in (0.0, 0.3, 0.7, 1.0):
        chosen = frozenset(at for at in range(len(lacks)) if chance.random() < share)  # type: ignore[attr-defined]
        rest = frozenset(day for at, lack in enumerate(lacks) if at not in chosen for day in lack.days)
        assert ours <= cost_of(lacks, chosen, rest, 1)


def test_a_few_tickers_and_a_few_sessions_are_told_apart() -> None:
    lacks = [Lack(frozenset(DAYS[:250]), 5, 1), Lack(frozenset(DAYS[10:12]), 3_000, 1)]

    assert cheapest_cover(lacks, 1) == (frozenset({0}), frozenset(DAYS[10:12]))
