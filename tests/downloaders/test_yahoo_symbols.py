"""Yahoo's spelling of tickers, there and back."""

from __future__ import annotations

import pytest

from redline.downloaders.yahoo_symbols import from_yahoo, to_yahoo
from redline.errors import Unsupported

BOTH_WAYS = [
    ("AAPL", "AAPL"),
    ("BRK.B", "BRK-B"),
    ("BF.A", "BF-A"),
    ("BACpL", "BAC-PL"),
    ("AAC.U", "AAC-UN"),
    ("AAC.WS", "AAC-WT"),
    ("NE.WS.A", "NE-WTA"),
    ("SHELw", "SHEL-WI"),
    ("I:SPX", "^GSPC"),
    ("I:NDX", "^NDX"),
    ("I:DJI", "^DJI"),
    ("I:RUT", "^RUT"),
    ("I:VIX", "^VIX"),
    ("I:COMP", "^IXIC"),
    ("X:BTCUSD", "BTC-USD"),
    ("X:ETHBTC", "ETH-BTC"),
    ("X:ADAUSDT", "ADA-USDT"),
    ("C:EURUSD", "EURUSD=X"),
    ("C:USDJPY", "USDJPY=X"),
]


@pytest.mark.parametrize(("ticker", "symbol"), BOTH_WAYS)
def test_a_ticker_and_its_symbol_lead_to_each_other(ticker: str, symbol: str) -> None:
    assert to_yahoo(ticker) == symbol
    assert from_yahoo(symbol) == ticker


@pytest.mark.parametrize(("ticker", "symbol"), [("X:BTC-USD", "BTC-USD"), ("C:EUR-USD", "EURUSD=X")])
def test_the_spelling_of_flat_files_is_understood(ticker: str, symbol: str) -> None:
    assert to_yahoo(ticker) == symbol


@pytest.mark.parametrize("symbol", ["^GSPC", "BTC-USD", "EURUSD=X", "BRK-B", "GC=F", "AZT.OL"])
def test_what_is_spelt_yahoo_s_way_stays(symbol: str) -> None:
    assert to_yahoo(symbol) == symbol


@pytest.mark.parametrize("ticker", ["O:AAPL201016C00120000", "X:BTCXYZ", "X:USD"])
def test_what_it_has_no_word_for_is_unsupported(ticker: str) -> None:
    with pytest.raises(Unsupported):
        to_yahoo(ticker)
