"""A user's own REST API as data: what holds without a key, and each wrong key named in one error."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redline.config.custom_api import READERS, CustomApi, source_id
from redline.config.custom_api_values import Body
from redline.config.paging_kind import PagingKind, PagingWord
from redline.errors import BadConfig, BadField, InvalidJson, RedlineError

#: The example of the documents, word for word.
EXAMPLE: dict[str, Any] = {
    "name": "Massive.com",
    "base_url": "https://api.massive.com",
    "endpoint": "v2/aggs/ticker/{ticker}/range/1/day/{start_date}/{end_date}",
    "api_key": "a-key-0123456789",
    "api_key_param": "apiKey",
    "ticker_param": "ticker",
    "start_date_param": "start_date",
    "end_date_param": "end_date",
    "date_format": "YYYY-MM-DD",
    "response_format": "json",
    "data_path": "results",
    "column_mapping": {"open": "o", "high": "h", "low": "l", "close": "c", "volume": "v", "date": "t"},
    "rate_limit_per_minute": 60,
    "timeout": 30,
    "headers": {"Authorization": "Bearer {api_key}"},
}
NEEDED = {key: EXAMPLE[key] for key in ("name", "base_url", "endpoint", "column_mapping")}


def problems(config: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(BadConfig) as caught:
        CustomApi.parse(config)
    assert (caught.value.code, caught.value.status) == ("bad_field", 400)
    for key, why in caught.value.problems.items():
        assert f"{key} {why}" in caught.value.sentence
    return caught.value.problems


def test_the_example_of_the_documents_is_read() -> None:
    api = CustomApi.parse(EXAMPLE)

    assert (api.name, api.source) == ("Massive.com", "massive_com")
    assert api.api_key is not None
    assert api.api_key.reveal() == EXAMPLE["api_key"]
    assert api.data_path == ("results",)
    assert api.response_format is Body.JSON
    assert api.columns == EXAMPLE["column_mapping"]
    assert api.key_goes_by_header


def test_four_keys_are_enough_and_the_rest_are_the_examples() -> None:
    least, whole = CustomApi.parse(NEEDED), CustomApi.parse(EXAMPLE)

    differ = {name for name in CustomApi.__slots__ if getattr(least, name) != getattr(whole, name)}

    assert differ == {"api_key", "rate_limit_per_minute"}  # without a limit of its own, the key's saved one holds
    assert least.api_key is None
    assert (least.paging.word, least.not_found_status) == (PagingWord.NONE, 404)


@pytest.mark.parametrize("key", NEEDED)
def test_each_needed_key_is_missed_by_name(key: str) -> None:
    assert problems({one: value for one, value in NEEDED.items() if one != key}) == {key: "is missing"}


WRONG = {
    "name": ["", "  ", 7, "!!!", "Yahoo", "massive", "Stooq", "a\nb", "x" * 200, ["a"]],
    "base_url": ["", 7, ["https://api.example.com"]],
    "endpoint": [
        7,
        "//evil.test/x",
        "prices/../admin",
        "prices/%2e%2E/x",
        "a b",
        "a\\b",
        "a#b",
        "{symbol}",
        "{ticker",
        "ticker}",
        "{}",
        "{ticker.__class__}",
        "{ticker!r}",
        "{ticker:>30}",
        "{0}",
        "{api_key}",
        "{{ticker}}",
    ],
    "api_key": [7, "two words", "a\r\nX: y", "ä-key-0123", "k" * 300],
    "api_key_param": [7, "a&b", "a=b", "a b"],
    "ticker_param": [7, "a&b", True],
    "start_date_param": [7, "a\nb"],
    "end_date_param": [[], "?"],
    "date_format": [7, "", "YYYY", "DD/MM", "YYYY-MM-DD DD", "YYYYmmDD", "%Y-%m-%d", "YYYY-MM-DD hh:mm", "yesterday"],
    "date_unit": ["sec", 1, "MS", True],
    "timezone": ["Mars/Olympus", 7, "../../etc/passwd", "America/New York"],
    "response_format": ["xml", "JSON", 7],
    "data_path": [7, "a..b", ".a", "a.", ["a"]],
    "column_mapping": [
        7,
        {},
        ["o", "h"],
        {"open": "o"},
        {**EXAMPLE["column_mapping"], "adjusted": "a"},
        {**EXAMPLE["column_mapping"], "open": None},
        {**EXAMPLE["column_mapping"], "open": ""},
        {**EXAMPLE["column_mapping"], "open": -1},
        {**EXAMPLE["column_mapping"], "open": True},
        {**EXAMPLE["column_mapping"], "open": ["o"]},
    ],
    "pagination": [
        "pages",
        7,
        {"param": "page"},
        {"type": "pages"},
        {"type": "page", "path": "x"},
        {"type": "cursor", "path": ""},
        {"type": "cursor", "param": "a b"},
        {"type": "page", "start": "1"},
        {"type": "link", "url": "x"},
    ],
    "not_found_status": [200, 401, 429, 500, "404", True],
    "rate_limit_per_minute": [0, -1, "60", True, float("inf"), float("nan")],
    "timeout": [0, -1, "30", 1e9, True],
    "headers": [
        7,
        ["Authorization"],
        {"Authorization": 7},
        {"Author ization": "x"},
        {"A\r\nB": "x"},
        {"X-Key": "a\r\nHost: b"},
        {"Host": "b"},
        {"content-length": "3"},
        {"Accept-Encoding": "br"},
        {"X-Key": "{key}"},
        {"X-Key": "{api_key.reveal}"},
        {"X-Key": "{ticker}"},
        {"X-Key": "a", "x-key": "b"},
    ],
}


def test_every_key_is_tried_with_wrong_values() -> None:
    assert set(WRONG) == set(READERS)


@pytest.mark.parametrize(("key", "value"), [(key, value) for key in WRONG for value in WRONG[key]], ids=ascii)
def test_a_wrong_value_names_its_key_and_no_other(key: str, value: object) -> None:
    assert list(problems({**EXAMPLE, key: value})) == [key]


def test_all_that_is_wrong_is_named_at_once() -> None:
    found = problems({"nme": "x", "endpoint": 7, "timeout": "30", "apikey": "a-key-of-mine"})

    assert set(found) == {"nme", "apikey", "name", "base_url", "column_mapping", "endpoint", "timeout"}
    assert "response_format" in str(found)  # the keys that there are, for whoever misspelt one


@pytest.mark.parametrize("given", [None, [], "text", 7, [EXAMPLE]], ids=repr)
def test_what_is_no_object_is_a_bad_field(given: object) -> None:
    with pytest.raises(BadField, match="config"):
        CustomApi.parse(given)


@pytest.mark.parametrize("key", ["api_key", "headers", "base_url", "timeout"])
def test_a_key_is_in_no_message_and_no_text_of_the_value(key: str) -> None:
    secret = "a secret word with spaces"
    value = {"X-Key": secret + "\r\n"} if key == "headers" else secret
    with pytest.raises(BadConfig) as caught:
        CustomApi.parse({**EXAMPLE, "timeout": 0, "headers" if key == "headers" else "api_key": value})

    assert secret not in repr(caught.value.as_json()) + str(caught.value)
    assert EXAMPLE["api_key"] not in repr(CustomApi.parse(EXAMPLE))
    assert "literal-key" not in repr(CustomApi.parse({**EXAMPLE, "headers": {"X-Key": "literal-key"}}))


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("next_url", PagingKind(PagingWord.NEXT_URL, ("next_url",))),
        ("cursor", PagingKind(PagingWord.CURSOR, ("next_cursor",), "cursor")),
        ("page", PagingKind(PagingWord.PAGE, (), "page")),
        ("offset", PagingKind(PagingWord.OFFSET, (), "offset")),
        ("link", PagingKind(PagingWord.LINK)),
        ({"type": "cursor", "path": "m.next", "param": "c"}, PagingKind(PagingWord.CURSOR, ("m", "next"), "c")),
        ({"type": "page", "param": "p", "start": 0}, PagingKind(PagingWord.PAGE, (), "p", 0)),
        ({"type": "next_url", "path": "links.next"}, PagingKind(PagingWord.NEXT_URL, ("links", "next"))),
    ],
    ids=repr,
)
def test_pagination_is_a_word_or_a_word_with_names(given: object, read: PagingKind) -> None:
    assert CustomApi.parse({**NEEDED, "pagination": given}).paging == read


@pytest.mark.parametrize("body", ["csv", "ndjson"])
def test_a_mark_of_the_next_page_needs_json(body: str) -> None:
    for word in ("next_url", "cursor"):
        assert list(problems({**NEEDED, "response_format": body, "pagination": word})) == ["pagination"]
    assert CustomApi.parse({**NEEDED, "response_format": body, "pagination": "page"})


def test_who_names_the_parameter_of_the_key_and_no_headers_wants_it_there() -> None:
    assert CustomApi.parse(NEEDED).key_goes_by_header
    assert not CustomApi.parse({**NEEDED, "api_key_param": "token"}).key_goes_by_header
    assert CustomApi.parse(EXAMPLE).key_goes_by_header


def test_timestamp_is_another_word_for_the_column_of_dates() -> None:
    mapping = {"timestamp": "t", "open": 1, "high": "price.high", "low": "l", "close": "c"}

    assert CustomApi.parse({**NEEDED, "column_mapping": mapping}).columns["date"] == "t"


def test_a_zone_is_read() -> None:
    assert CustomApi.parse({**NEEDED, "timezone": "Europe/Berlin"}).zone == ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("name", "source"),
    [("Massive.com", "massive_com"), ("  My API 2 ", "my_api_2"), ("EOD-Historical", "eod_historical")],
)
def test_the_source_id_comes_from_the_name(name: str, source: str) -> None:
    assert source_id(name) == source
    assert CustomApi.parse({**NEEDED, "name": name}).source == source


def test_a_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "api.json"
    file.write_text(json.dumps(EXAMPLE))

    assert CustomApi.read(file).name == "Massive.com"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("{", InvalidJson),
        ("", InvalidJson),
        ('{"name": "a", "name": "b"}', InvalidJson),
        ("\ufeff{}", BadConfig),
        ("[" * 100_000, InvalidJson),
        ("[]", BadField),
        ("{}", BadConfig),
        (" " * 2_000_000, BadField),
        (None, BadField),
    ],
    ids=["cut", "empty", "twice", "mark", "deep", "list", "nothing", "big", "missing"],
)
def test_a_file_that_is_no_config_is_a_typed_error_without_its_folder(
    tmp_path: Path, text: str | None, error: type[RedlineError]
) -> None:
    file = tmp_path / "api.json"
    if text is not None:
        file.write_text(text)

    with pytest.raises(error) as caught:
        CustomApi.read(file)
    assert str(tmp_path) not in repr(caught.value.as_json())


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(sorted(READERS)) | st.text(max_size=10), _JSON, max_size=6))
def test_whatever_is_given_is_read_or_named(changed: dict[str, Any]) -> None:
    try:
        api = CustomApi.parse({**EXAMPLE, **changed})
    except BadConfig as error:
        assert set(error.problems) <= set(changed)
    else:
        assert set(changed) <= set(READERS)
        assert api.source == source_id(api.name)
