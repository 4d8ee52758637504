"""Any answer of the vendor is survived: it is read, or it is one of our errors (promise S12)."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from redline.errors import RedlineError
from redline.net.breaker import Breaker
from redline.net.budget import Budgets
from redline.net.http import HttpClient
from redline.testing import FakeClock

from .vendor import Reply, Vendor, serving

GOOD = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n{"status":"OK"}'
HEADERS = [
    b"Content-Length: -1",
    b"Content-Length: 5, 6",
    b"Content-Length: 99999999999999999999",
    b"Content-Encoding: gzip",
    b"Content-Encoding: \xff\xfe",
    b"Transfer-Encoding: chunked",
    b"Transfer-Encoding: gzip, chunked",
    b"Retry-After: Fri, 99 Foo",
    b"Retry-After: 99999999999999999999999",
    b"Location: http://169.254.169.254/",
    b"Set-Cookie: \x00",
    b"No colon",
    b": no name",
    b"Long: " + b"x" * 70_000,
]
STATUS = [b"200", b"204", b"206", b"304", b"302", b"429", b"500", b"999", b"0", b"-1", b"abc", b""]

_KEYS = itertools.count()  # one each: an answer may pause its key for a day

answers = st.one_of(
    st.builds(
        lambda status, headers, body: b"HTTP/1.1 " + status + b" X\r\n" + b"\r\n".join([*headers, b"", b""]) + body,
        st.sampled_from(STATUS),
        st.lists(st.sampled_from(HEADERS), max_size=4),
        st.sampled_from([b"", b'{"status":"OK"}', b"5\r\nabcde\r\n0\r\n\r\n", b"\x1f\x8b\x08\x00rubbish"])
        | st.binary(max_size=40),
    ),
    st.builds(lambda at, piece: GOOD[:at] + piece + GOOD[at + 1 :], st.integers(0, len(GOOD)), st.binary(max_size=4)),
    st.binary(max_size=100),
)


@pytest.fixture(scope="module")
def shared_vendor() -> Iterator[Vendor]:
    with serving() as found:
        yield found


@pytest.fixture(scope="module")
def shared_budgets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[FakeClock, Budgets]]:
    clock = FakeClock()
    found = Budgets(tmp_path_factory.mktemp("fuzz") / "budgets.db", clock)
    yield clock, found
    found.close()


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(raw=answers)
def test_any_answer_is_read_or_is_one_of_our_errors(
    shared_vendor: Vendor, shared_budgets: tuple[FakeClock, Budgets], raw: bytes
) -> None:
    shared_vendor.answers(Reply(raw=raw))
    clock, budgets = shared_budgets
    budget = budgets.key("massive", shared_vendor.origin, f"key {next(_KEYS)}")
    breaker = Breaker("massive", clock, opens_after=1)
    http = HttpClient("massive", shared_vendor.origin, budget, clock, random.Random(1), breaker=breaker, timeout_s=2.0)
    try:
        answer = http.get(shared_vendor.origin + "/v2", what="bars", endpoint="v2", patience_s=0.0)
        assert 200 <= answer.status < 300
    except RedlineError as error:
        assert error.sentence.startswith("massive: ")
    finally:
        http.close()
