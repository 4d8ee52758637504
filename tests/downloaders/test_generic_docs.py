"""What ``docs/providers/custom-apis.md`` says is what the code does."""

from __future__ import annotations

import json
import re

from redline.config.custom_api import READERS, REQUIRED, CustomApi
from redline.config.custom_api_values import COLUMNS, DATE_UNITS, NEEDED, Body
from redline.config.date_format import ISO, UNIX, WORDS
from redline.config.paging_kind import PagingWord, parse_paging
from redline.downloaders.generic_api_downloader import DEFAULT_LIMIT, GenericAPIDownloader
from redline.errors import BadConfig, UrlRefused
from tests.markdown import ROOT, blocks, row_of

PAGE = ROOT / "docs" / "providers" / "custom-apis.md"
TEXT = PAGE.read_text()


def _row(key: str) -> str:
    return next((line for line in TEXT.splitlines() if re.match(rf"\| [^|]*`{re.escape(key)}`", line)), "")


def test_every_key_stands_there_with_its_default() -> None:
    least = {"name": "x", "base_url": "https://x.test", "endpoint": "x", "column_mapping": {}}
    for key, (_, default) in READERS.items():
        assert _row(key), key
        if key in REQUIRED:
            assert "| needed |" in _row(key)
        elif default and key != "pagination":
            shown = f"`{json.dumps(default)}`" if isinstance(default, dict) else str(default)
            assert shown in _row(key), key
    assert f"| {DEFAULT_LIMIT:g} |" in _row("rate_limit_per_minute")
    assert set(least) == set(REQUIRED)


def test_options_are_the_keys_with_their_defaults() -> None:
    assert {one.name for one in GenericAPIDownloader.options} == set(READERS)
    differ = {one.name for one in GenericAPIDownloader.options if (one.default or "") != (READERS[one.name][1] or "")}
    assert differ == {"timezone", "pagination", "rate_limit_per_minute"}  # these depend, or are no value


def test_every_word_of_a_closed_set_stands_there() -> None:
    words = [*WORDS, ISO, UNIX, *DATE_UNITS, *COLUMNS, *(one.value for one in (*Body, *PagingWord))]

    assert [word for word in words if f"`{word}`" not in TEXT] == []
    assert ", ".join(f"`{one}`" for one in NEEDED) + " are needed" in TEXT
    for word in PagingWord:
        paging = parse_paging(word.value)
        names = [*(["`path`"] if paging.path else []), *(["`param`"] if paging.param else [])]
        assert [name for name in names if name not in row_of(TEXT, f"`{word.value}` |")] == []


def test_datasets_timespans_and_codes_are_the_codes() -> None:
    has = GenericAPIDownloader.capabilities

    assert {one.value for one in has.datasets} == set(re.findall(r"\w+", row_of(TEXT, "datasets"))[1:])
    assert {one.value for one in has.timespans} == set(re.findall(r"\w+", row_of(TEXT, "timespans"))[1:])
    for code in (BadConfig.code, UrlRefused.code):
        assert f"`{code}`" in TEXT


def test_the_examples_are_configurations() -> None:
    found = [CustomApi.parse(json.loads(one.text)) for one in blocks(PAGE) if one.language == "json"]

    assert len(found) == 2
    assert {one.response_format for one in found} == {Body.JSON, Body.CSV}
    assert [one.key_goes_by_header for one in found] == [True, False]
