"""From a part to the address and headers of a request of a user's API. Pure.

Values go into places of a fixed list and are escaped; what a user wrote is never a format string.
"""

from __future__ import annotations

import base64
from datetime import UTC, date, datetime, timedelta
from urllib.parse import quote
from zoneinfo import ZoneInfo

from redline.config.custom_api import CustomApi
from redline.config.date_format import UNIX, end_of, start_of
from redline.config.paging_kind import PagingWord
from redline.downloaders.generic_dates import unit_of
from redline.market.normalize import zone

_US = {"s": 1_000_000, "ms": 1_000, "us": 1}


def first_url(api: CustomApi, base: str, ticker: str, start: date, end: date) -> str:
    """Return the address of the first answer for a ticker, ``start`` to ``end`` inclusive, without the key."""
    where = api.zone or zone(ticker)
    values = {"ticker": ticker, "start_date": _date(api, start, where), "end_date": _date(api, end, where, last=True)}
    path = api.endpoint.fill({name: _quoted(value) for name, value in values.items()}).lstrip("/")
    url = f"{base}/{path}" if path and not path.startswith("?") else base + path
    params = {"ticker": api.ticker_param, "start_date": api.start_date_param, "end_date": api.end_date_param}
    for name, param in params.items():
        if param and name not in api.endpoint.fields:
            url = with_param(url, param, values[name])
    if api.paging.word is PagingWord.PAGE:
        return with_param(url, api.paging.param, str(api.paging.start))
    return with_param(url, api.paging.param, "0") if api.paging.word is PagingWord.OFFSET else url


def headers_of(api: CustomApi) -> dict[str, str]:
    """Return the headers of every request; without a key, those that name it are left out."""
    key = "" if api.api_key is None else api.api_key.reveal()
    values = {"api_key": key, "api_key_base64": base64.b64encode(key.encode()).decode()}
    made = {name: one.fill(values) for name, one in api.headers.items() if key or not one.fields}
    return {"User-Agent": "REDLINE market-data downloader", "Accept": "*/*"} | made


def with_key(api: CustomApi, url: str) -> str:
    """Return the address with the key in its query, where it goes there."""
    if api.api_key is None or not _key_in_query(api):
        return url
    return with_param(url, api.api_key_param, api.api_key.reveal())


def without_key(api: CustomApi, url: str) -> str:
    """Return an address that the API gave without a key in its query: no such address is kept or shown."""
    return _without(url, api.api_key_param) if _key_in_query(api) else url


def with_param(url: str, name: str, value: str) -> str:
    """Return the address with one parameter set, in place of what it had; the others stay as they are spelt."""
    bare = _without(url, name)
    return f"{bare}{'&' if '?' in bare else '?'}{_quoted(name)}={_quoted(value)}"


def _key_in_query(api: CustomApi) -> bool:
    return bool(api.api_key_param) and not api.key_goes_by_header


def _without(url: str, name: str) -> str:
    path, _, query = url.partition("?")
    kept = [one for one in query.split("&") if one and one.partition("=")[0] not in (name, _quoted(name))]
    return f"{path}?{'&'.join(kept)}" if kept else path


def _quoted(text: str) -> str:
    return quote(text, safe=":")


def _date(api: CustomApi, day: date, where: ZoneInfo, *, last: bool = False) -> str:
    """Return a day as the API wants it; with a time, the last day counts to its end."""
    moment = (end_of(day) if last else start_of(day)).replace(tzinfo=where)
    if api.date_format.text != UNIX:
        return api.date_format.write(moment)
    microseconds = (moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    unit = unit_of(api)
    return str(microseconds * 1_000 if unit == "ns" else microseconds // _US[unit])
