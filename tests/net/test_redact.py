"""No key in any text, whatever form it takes."""

from __future__ import annotations

import base64
import io
import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redline.net.logs import install_logging
from redline.net.redact import MASK, RedactingFilter, redact, register

KEY = "cAnArY7+/qX_9-Lm2RtY=vB8zz"


@pytest.fixture(autouse=True)
def _registered() -> None:
    register(KEY)


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    logger = logging.getLogger()
    before = (logger.handlers, logger.level, logging.getLogger("urllib3").level)
    logger.handlers = []
    yield logger
    for handler in logger.handlers:
        handler.close()
    logger.handlers = before[0]
    logger.setLevel(before[1])
    logging.getLogger("urllib3").setLevel(before[2])


FORMS = {
    "raw": KEY,
    "percent": quote(KEY, safe=""),
    "percent, lower case": quote(KEY, safe="").lower(),
    "plus": quote_plus(KEY),
    "every letter percent": "".join(f"%{byte:02X}" for byte in KEY.encode()),
    "base64": base64.b64encode(KEY.encode()).decode(),
    "base64 of a pair": base64.b64encode(b"user:" + KEY.encode() + b":x").decode(),
    "base64, other alignment": base64.urlsafe_b64encode(b"me:" + KEY.encode()).decode(),
    "hex": KEY.encode().hex(),
    "HEX": KEY.encode().hex().upper(),
    "reversed": KEY[::-1],
    "first 12": KEY[:12],
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
def test_a_registered_key_is_masked_in_every_form(form: str) -> None:
    masked = redact(f"before {form} after")

    assert MASK in masked
    assert masked.startswith("before ")
    assert masked.endswith(" after")
    for length in (len(form), len(form) * 3 // 4):
        assert form[:length] not in masked
        assert form[-length:] not in masked


@pytest.mark.parametrize(
    "text",
    [
        "GET /v2/x?apiKey=s3cr3t&limit=5",
        "GET /v2/x?limit=5&apikey=s3cr3t",
        "next=%2Fv2%3FapiKey%3Ds3cr3t%26x",
        "Authorization: Bearer s3cr3t",
        "{'Authorization': 'Bearer s3cr3t', 'Accept': '*/*'}",
        '{"api_key": "s3cr3t", "timeout": 30}',
        "('authorization', b'Bearer s3cr3t')",
        "bearer s3cr3t",
        "secret_key='s3cr3t'",
        "password=s3cr3t",
    ],
)
def test_what_stands_in_the_place_of_a_key_is_masked_though_nobody_registered_it(text: str) -> None:
    assert "s3cr3t" not in redact(text)


@pytest.mark.parametrize("text", ["ticker='AAPL' limit=5000", "a token of thanks", "10 of 10 used", "Bearer"])
def test_other_text_stays_as_it_is(text: str) -> None:
    assert redact(text) == text


def test_too_short_a_secret_does_not_spoil_words() -> None:
    register("bars")

    assert redact("bars AAPL") == "bars AAPL"


@settings(max_examples=60)
@given(st.text(alphabet="abcdefXYZ0123456789_-+/=.", min_size=16, max_size=40), st.text(max_size=5))
def test_any_key_is_masked_in_any_text(secret: str, around: str) -> None:
    register(secret)

    assert secret not in redact(f"{around} {secret} {around}")


def logged(root: logging.Logger, emit: str, *arguments: object, trace: bool = False) -> str:
    stream = io.StringIO()
    install_logging("DEBUG", stream=stream)
    root.handlers = root.handlers[-1:]  # pytest's own raise what logging would print
    try:
        raise ValueError(f"key was {KEY}") if trace else KeyError
    except (ValueError, KeyError):
        logging.getLogger("redline.some.child").warning(emit, *arguments, exc_info=trace)
    return stream.getvalue()


def test_a_log_line_is_masked_in_message_arguments_and_traceback(root: logging.Logger) -> None:
    text = logged(root, f"asked with %s and {KEY}", KEY, trace=True)

    assert KEY not in text
    assert "Traceback" in text
    assert f"asked with {MASK} and {MASK}" in text


def test_a_value_cannot_forge_a_log_line(root: logging.Logger) -> None:
    text = logged(root, "ticker was %s", "AAPL\n2024-01-01 INFO all is well\r\x1b[31m")

    assert text.count("\n") == 1
    assert "AAPL\\n2024" in text
    assert "\x1b" not in text


def test_a_wrong_format_does_not_leak(root: logging.Logger, capsys: pytest.CaptureFixture[str]) -> None:
    text = logged(root, "%d rows", KEY)

    assert KEY not in text + capsys.readouterr().err


def test_urllib3_says_nothing_of_urls_even_at_debug(root: logging.Logger) -> None:
    stream = io.StringIO()
    install_logging("DEBUG", stream=stream)

    logging.getLogger("urllib3.connectionpool").debug("GET /x?apiKey=%s", KEY)

    assert stream.getvalue() == ""


def test_installing_again_replaces(root: logging.Logger) -> None:
    install_logging(stream=io.StringIO())
    stream = io.StringIO()
    install_logging(stream=stream)
    logging.getLogger("x").warning("once")

    assert stream.getvalue().count("once") == 1
    assert sum(any(isinstance(f, RedactingFilter) for f in handler.filters) for handler in root.handlers) == 1


@pytest.mark.parametrize("mask", [0o000, 0o077])
def test_the_log_file_is_private_whatever_the_umask(root: logging.Logger, tmp_path: Path, mask: int) -> None:
    old = os.umask(mask)
    try:
        install_logging(stream=io.StringIO(), file=tmp_path / "logs" / "redline.log")
    finally:
        os.umask(old)
    logging.getLogger("x").warning("with %s", KEY)

    file = tmp_path / "logs" / "redline.log"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert KEY not in file.read_text()
    assert file.read_text().endswith(f"with {MASK}\n")
