"""Each error answer of the vendor, as recorded, and what we make of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from redline.downloaders.massive_errors import explain
from redline.errors import (
    BadField,
    BadRange,
    InvalidKey,
    MalformedPage,
    NoData,
    NotEntitled,
    NotJson,
    ProviderError,
    ProviderUnavailable,
    RateLimited,
    RedlineError,
    Unsupported,
)

RECORDED = Path(__file__).parents[2] / ".." / "shared" / "market-data" / "responses" / "massive" / "errors"
PRICING = "Please upgrade your plan at https://massive.com/pricing"


def said(status: str, text: str, key: str = "message") -> bytes:
    return json.dumps({"status": status, "request_id": "x", key: text}).encode()


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, b'{"status":"OK"}', None),
        (200, b" \n[1]", None),
        (200, b"<html>maintenance</html>", NotJson),
        (200, b"", NotJson),
        (200, b"Exceeded the daily hits limit", RateLimited),
        (400, said("ERROR", "The parameter 'to' cannot be a time that occurs before 'from'", "error"), BadRange),
        (400, said("ERROR", "Could not parse the time parameter: 'from'. Use YYYY-MM-DD", "error"), BadField),
        (400, b"", ProviderError),
        (401, said("ERROR", "Unknown API Key", "error"), InvalidKey),
        (401, b"", InvalidKey),
        (403, said("NOT_AUTHORIZED", f"You are not entitled to this data. {PRICING}"), NotEntitled),
        (404, said("NOT_FOUND", "Ticker not found."), NoData),
        (404, b"404 page not found", Unsupported),
        (408, b"", ProviderUnavailable),
        (429, b"", None),  # the shared client's business: it reads Retry-After
        (301, b"", MalformedPage),
        (413, b"", ProviderError),
        (500, said("ERROR", "oops", "error"), ProviderUnavailable),
        (502, b"<html>nginx</html>", ProviderUnavailable),
        (503, b"\xff\xfe", ProviderUnavailable),
        (403, b"[" * 100_000, NotEntitled),
    ],
)
def test_each_status_has_its_error(status: int, body: bytes, expected: type[RedlineError] | None) -> None:
    found = explain(status, body, "day bars ACME")

    assert type(found) is expected if expected else found is None


@pytest.mark.parametrize(
    ("text", "timeframe"),
    [
        (f"Your plan doesn't include this data timeframe. {PRICING}", True),
        (f"Attempted to request today's data before end of day. {PRICING}", True),
        (f"You are not entitled to this data. {PRICING}", False),
    ],
)
def test_a_403_tells_dates_from_data(text: str, timeframe: bool) -> None:
    found = explain(403, said("NOT_AUTHORIZED", text), "day bars ACME")

    assert isinstance(found, NotEntitled)
    assert found.timeframe is timeframe
    assert text[:40] in found.hint


def test_a_rejected_key_is_a_value_error_with_the_promised_words() -> None:
    found = explain(401, said("ERROR", "Unknown API Key", "error"), "day bars ACME")

    assert isinstance(found, ValueError)
    assert "Invalid Massive.com API key" in str(found)


def test_a_wrong_field_is_named_as_our_callers_name_it() -> None:
    text = "Could not parse the time parameter: 'from'. Use YYYY-MM-DD or Unix MS Timestamps"
    found = explain(400, said("ERROR", text, "error"), "day bars ACME")

    assert found is not None
    assert found.fields["field"] == "start_date"


@pytest.mark.skipif(not RECORDED.is_dir(), reason="the recorded answers are not beside this checkout")
def test_recorded_errors_are_understood() -> None:
    kinds = {
        "400_bad_time_parameter": BadField,
        "401_no_api_key": InvalidKey,
        "401_unknown_api_key": InvalidKey,
        "403_not_entitled": NotEntitled,
        "403_today_before_end_of_day": NotEntitled,
        "404_data_not_found": NoData,
    }
    for name, kind in kinds.items():
        found = explain(int(name[:3]), (RECORDED / f"{name}.json").read_bytes(), "it")
        assert type(found) is kind, name
