"""What every source promises, whatever stands behind it. A new source is in the registry, and passes this."""

from __future__ import annotations

import logging
import threading
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pytest

from redline.clock import Watch
from redline.downloaders import SOURCE_NAMES, SOURCES, source_class
from redline.downloaders.base_downloader import BaseDownloader, Capabilities
from redline.errors import BadField, Cancelled, InvalidKey, RedlineError, UnknownTicker, Unsupported
from redline.market.bar import BarSpec, Timespan
from redline.market.part import Part
from redline.market.request import Dataset
from redline.market.schema import BAR_COLUMNS, BARS_WIRE, DIVIDENDS_WIRE, SPLITS_WIRE
from tests.contract.cases import CASES, KEY
from tests.contract.conftest import Source

SCHEMAS = {Dataset.BARS: BARS_WIRE, Dataset.SPLITS: SPLITS_WIRE, Dataset.DIVIDENDS: DIVIDENDS_WIRE}


def part(source: Source, dataset: Dataset = Dataset.BARS, spec: BarSpec | None = None) -> Part:
    spec = spec or BarSpec()
    case = source.case
    return Part(case.name, dataset, case.ticker, *spec.snap(case.start, case.end), spec)


def rows_of(downloader: BaseDownloader, asked: Part) -> pa.Table:
    return pa.concat_tables([page.table for page in downloader.pages(asked, Watch())])


def test_the_registry_names_each_source_once() -> None:
    assert tuple(cls.name for cls in SOURCES) == SOURCE_NAMES
    assert len(set(SOURCE_NAMES)) == len(SOURCE_NAMES)
    with pytest.raises(BadField, match="massive"):
        source_class("nosuch")


def test_each_source_of_the_registry_is_under_test() -> None:
    assert set(SOURCE_NAMES) <= {case.name for case in CASES}


def test_it_says_what_it_is_and_what_it_can_do(source: Source) -> None:
    cls = source.cls

    assert cls.name == source.case.name
    assert cls.label
    assert Dataset.BARS in cls.capabilities.datasets
    assert cls.capabilities.timespans
    assert cls.capabilities.page_rows > 0
    names = [option.name for option in cls.options]
    assert len(set(names)) == len(names)
    assert all(option.help for option in cls.options)
    assert [option.name for option in cls.options if option.secret] == (["api_key"] if source.case.takes_key else [])


def test_each_declared_dataset_comes_in_its_wire_schema(source: Source) -> None:
    for dataset in source.cls.capabilities.datasets:
        pages = list(source.make().pages(part(source, dataset), Watch()))

        assert [page.table.schema for page in pages] == [SCHEMAS[dataset]] * len(pages)
        assert sum(page.table.num_rows for page in pages) > 0
        for page in pages:
            assert set(page.table.column("ticker").to_pylist()) <= {source.case.ticker}
            assert set(page.table.column("source").to_pylist()) <= {source.case.name}


@pytest.mark.parametrize("timespan", [one for one in Timespan if one is not Timespan.SECOND])
def test_each_declared_timespan_has_sorted_rows_without_doubles(source: Source, timespan: Timespan) -> None:
    if timespan not in source.cls.capabilities.timespans:
        pytest.skip("not declared")
    asked = part(source, spec=BarSpec(timespan))

    rows = rows_of(source.make(), asked)

    times = rows.column("timestamp").to_pylist()
    assert times == sorted(set(times))
    assert len(times) > 0
    assert all(asked.start <= day <= asked.end for day in rows.column("date").to_pylist())


def test_pages_cover_the_part_without_a_seam(source: Source) -> None:
    minutes = Timespan.MINUTE in source.cls.capabilities.timespans
    asked = part(source, spec=BarSpec(Timespan.MINUTE if minutes else Timespan.DAY))

    pages = list(source.make().pages(asked, Watch()))

    assert (pages[0].first, pages[-1].last) == (asked.start, asked.end)
    for before, after in pairwise(pages):
        assert after.first == before.last + timedelta(days=1)
    for page in pages:
        assert all(page.first <= day <= page.last for day in page.table.column("date").to_pylist())
        assert page.answer


def test_what_is_not_declared_is_unsupported_and_not_asked_for(source: Source) -> None:
    class Less(source.cls):  # type: ignore[name-defined,misc]
        capabilities = Capabilities(frozenset({Dataset.BARS}), frozenset({Timespan.DAY}), 100)

    downloader = source.make(cls=Less)

    with pytest.raises(Unsupported):
        downloader.pages(part(source, Dataset.SPLITS), Watch())
    with pytest.raises(Unsupported):
        downloader.pages(part(source, spec=BarSpec(Timespan.MINUTE)), Watch())
    with pytest.raises(Unsupported):
        downloader.download_single_ticker(source.case.ticker, source.case.start, source.case.end, timespan="minute")
    assert source.emulator.ledger() == []


def test_every_dataset_and_timespan_that_it_has_not_is_unsupported(source: Source) -> None:
    has, downloader = source.cls.capabilities, source.make()
    lacking = [part(source, dataset) for dataset in Dataset if dataset not in has.datasets]
    lacking += [part(source, spec=BarSpec(timespan)) for timespan in Timespan if timespan not in has.timespans]

    for asked in lacking:
        with pytest.raises(Unsupported):
            downloader.pages(asked, Watch())
    assert source.emulator.ledger() == []


def test_a_frame_has_the_columns_in_order_and_sorted_rows(source: Source) -> None:
    frame = source.make().download_single_ticker(source.case.ticker, str(source.case.start), str(source.case.end))

    assert tuple(frame.columns) == BAR_COLUMNS
    assert len(frame) == source.case.sessions
    assert frame["timestamp"].is_monotonic_increasing


def test_no_rows_for_a_known_ticker_are_an_empty_frame_and_an_unknown_one_is_an_error(source: Source) -> None:
    downloader = source.make()
    empty = source.case.empty

    frame = downloader.download_single_ticker(source.case.ticker, empty, empty)

    assert tuple(frame.columns) == BAR_COLUMNS
    assert frame.empty
    with pytest.raises(UnknownTicker):
        downloader.download_single_ticker(source.case.unknown, empty, empty)


def test_reference_data_knows_the_known_and_not_the_unknown(source: Source) -> None:
    downloader = source.make()

    assert downloader.listing(source.case.ticker, Watch()).known
    assert not downloader.listing(source.case.unknown, Watch()).known


def test_the_bill_is_never_below_what_is_asked(source: Source) -> None:
    for timespan in [one for one in Timespan if one in source.cls.capabilities.timespans and one != Timespan.SECOND]:
        asked = part(source, spec=BarSpec(timespan))
        source.emulator.reset()
        downloader = source.make()

        rows_of(downloader, asked)

        assert len(source.emulator.ledger()) <= downloader.calls_for(asked, source.case.sessions)
    assert downloader.calls_for(part(source), source.case.sessions) == 1


def test_the_key_is_tested_in_a_few_calls(source: Source) -> None:
    found = source.make().test_key(Watch())

    assert found.keys() == {"plan", "entitlements", "rate_limit_per_minute", "calls", "said"}
    assert found["calls"] == len(source.emulator.ledger()) <= 4


def test_a_rejected_key_is_a_value_error_that_names_the_source(source: Source) -> None:
    if not source.case.takes_key:
        pytest.skip("it takes no key")
    with pytest.raises(ValueError, match=f"Invalid {source.cls.label} API key") as caught:
        source.make(key="a-wrong-key").download_single_ticker(source.case.ticker, source.case.start, source.case.end)
    assert isinstance(caught.value, InvalidKey)


def test_the_key_is_in_no_text_and_no_log(source: Source, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    source.emulator.faults([{"match": {"times": 1}, "do": {"html": True}}])
    downloader = source.make()

    downloader.download_single_ticker(source.case.ticker, source.case.start, source.case.end)
    with pytest.raises(RedlineError) as caught:
        downloader.download_single_ticker(source.case.unknown, source.case.start, source.case.end)

    assert len(caplog.records) > 0
    assert KEY not in caplog.text + repr(downloader) + str(caught.value) + repr(caught.value.as_json())
    assert KEY not in repr(source.emulator.ledger())


def test_a_set_stop_is_obeyed_before_anything_is_sent(source: Source) -> None:
    stop = threading.Event()
    stop.set()

    with pytest.raises(Cancelled):
        next(iter(source.make().pages(part(source), Watch(cancel=stop))))
    assert source.emulator.ledger() == []


def test_several_tickers_keep_their_order_and_failures_are_told(source: Source) -> None:
    downloader = source.make()

    frames: dict[str, Any] = downloader.download_multiple_tickers(
        [source.case.unknown, source.case.ticker], str(source.case.start), str(source.case.end)
    )

    assert list(frames) == [source.case.ticker]
    assert list(downloader.failures) == [source.case.unknown]


def test_the_delay_is_the_limit_in_seconds_a_request(source: Source) -> None:
    downloader = source.make(limit=10)

    assert downloader.rate_limit_delay == 6.0
    downloader.rate_limit_delay = 12.0
    assert source.make(limit=None).rate_limit_delay == 12.0
