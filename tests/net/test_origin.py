"""Where a URL leads, before anything is sent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redline.errors import BadField, NextUrlRefused
from redline.net.origin import Origin

HERE = Origin.parse("https://api.massive.com")


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://api.massive.com/v2/aggs?cursor=abc%3D", "/v2/aggs?cursor=abc%3D"),
        ("https://api.massive.com:443/v3/x", "/v3/x"),
        ("HTTPS://API.MASSIVE.COM/v3/x", "/v3/x"),
        ("https://api.massive.com", "/"),
        ("https://api.massive.com/v2/x#part", "/v2/x"),
    ],
)
def test_a_url_of_the_origin_becomes_path_and_query(url: str, target: str) -> None:
    assert HERE.target(url, "massive") == target


@pytest.mark.parametrize(
    "url",
    [
        "http://api.massive.com/v2/x",
        "https://api.massive.com:8443/v2/x",
        "https://evil.test/v2/x",
        "https://api.massive.com.evil.test/",
        "https://api.massive.com@evil.test/",
        "https://user:word@api.massive.com/",
        "https://evil.test\\@api.massive.com/",
        "https://api.massive.com\\.evil.test/",
        "//api.massive.com/v2/x",
        "/v2/x",
        "",
        " https://api.massive.com/",
        "https://api.massive.com/a b",
        "https://api.massive.com/a\r\nHost: evil.test",
        "https://api.massive.com:99999/",
        "https://[api.massive.com/",
        "https://аpi.massive.com/",  # a Cyrillic first letter
        "file:///etc/passwd",
    ],
)
def test_a_url_that_leads_elsewhere_or_reads_two_ways_is_refused(url: str) -> None:
    with pytest.raises(NextUrlRefused):
        HERE.target(url, "massive")


@given(st.text(max_size=80))
def test_no_text_makes_it_fail_otherwise(url: str) -> None:
    try:
        assert HERE.target(url, "massive").startswith("/")
    except NextUrlRefused as refused:
        assert len(refused.sentence) < 300


@pytest.mark.parametrize("url", ["", "api.massive.com", "ftp://x", "https://", "https://a:b@c"])
def test_a_base_url_has_to_be_one(url: str) -> None:
    with pytest.raises(BadField):
        Origin.parse(url)
