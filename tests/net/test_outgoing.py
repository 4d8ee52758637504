"""A user's own address leads to the public internet or to hosts that were listed: never inside, however it is spelt."""

from __future__ import annotations

import random
import socket
from collections.abc import Sequence
from itertools import cycle

import pytest

from redline.errors import ProviderUnavailable, UrlRefused
from redline.net.budget import Budgets
from redline.net.http import HttpClient
from redline.net.origin import Origin
from redline.net.outgoing import Outgoing, resolve
from redline.testing import FakeClock
from tests.net.vendor import Vendor

PUBLIC = "93.184.215.14"
LOOPBACK = (
    "https://127.0.0.1/",
    "https://127.0.0.1:8080/",
    "https://127.1/",
    "https://127.0.1/",
    "https://127.255.255.254/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.0.0.1/",
    "https://0177.0.0.1/",
    "https://017700000001/",
    "https://127.0.0.1./",
    "https://127.000.000.001/",
    "https://0/",
    "https://0.0.0.0/",
    "https://[::1]/",
    "https://[::]/",
    "https://[0:0:0:0:0:0:0:1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[::127.0.0.1]/",
    "https://[64:ff9b::127.0.0.1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[2002:7f00:1::]/",
    "https://localhost/",
    "https://LOCALHOST/",
    "https://localhost./",
    "https://api.localhost/",
)
INSIDE = (
    "https://10.0.0.1/",
    "https://172.16.0.1/",
    "https://172.31.255.254/",
    "https://192.168.1.1/",
    "https://192.168.257/",
    "https://3232235777/",
    "https://100.64.0.1/",
    "https://198.18.0.1/",
    "https://192.0.2.1/",
    "https://192.88.99.1/",
    "https://[2001:0:7f00:1::1]/",
    "https://[100::1]/",
    "https://224.0.0.1/",
    "https://239.255.255.250/",
    "https://240.0.0.1/",
    "https://255.255.255.255/",
    "https://[fc00::1]/",
    "https://[fd12:3456::1]/",
    "https://[fec0::1]/",
    "https://[ff02::1]/",
    "https://[2001:db8::1]/",
    "https://[::ffff:192.168.1.1]/",
    "https://[64:ff9b::10.0.0.1]/",
    "https://[2002:c0a8:101::]/",
    "https://printer/",
    "https://nas.local/",
    "https://db.internal/",
)
METADATA = (
    "https://169.254.169.254/latest/meta-data/",
    "http://169.254.169.254/",
    "https://2852039166/",
    "https://0xa9fea9fe/",
    "https://169.254.43518/",
    "https://169.254.170.2/v2/credentials",
    "https://[::ffff:169.254.169.254]/",
    "https://[64:ff9b::169.254.169.254]/",
    "https://[2002:a9fe:a9fe::]/",
    "https://[fe80::1]/",
    "https://[fe80::1%25eth0]/",
    "https://[fd00:ec2::254]/",
    "https://100.100.100.200/",
    "https://168.63.129.16/",
    "https://192.0.0.192/",
    "https://metadata.google.internal/",
    "https://metadata/",
)
TRICKS = (
    "https://api.massive.com@127.0.0.1/",
    "https://user:word@api.massive.com/",
    "https://@api.massive.com/",
    "https://api.massive.com:443@127.0.0.1/",
    "https://127.0.0.1\\@api.massive.com/",
    "https:\\\\api.massive.com/",
    "https://api.massive.com\\.evil.test/",
    "https://api.massive.com\t/",
    "https://api.massive.com\r\nHost: 127.0.0.1/",
    "https://api.mass\nive.com/",
    " https://api.massive.com/",
    "https://api.massive.com /",
    "https://api.massive.com\x00.evil.test/",
    "https://\uff11\uff12\uff17.0.0.1/",
    "https://\u2460\u2461\u2466.0.0.1/",
    "https://127\u30020\u30020\u30021/",
    "https://\u0430pi.massive.com/",
    "https://xn--pi-7ka.massive.com/",
    "https://%31%32%37.0.0.1/",
    "https://127.0.0.1%2f@api.massive.com/",
    "https://api.massive.com:0/",
    "https://api.massive.com:99999/",
    "https://api.massive.com:/",
    "https://api.massive.com:port/",
    "https:///api.massive.com/",
    "https:api.massive.com",
    "https://-api.massive.com/",
    "https://api..massive.com/",
    "https://.massive.com/",
    "https://[127.0.0.1]/",
    "https://[::1/",
    "//api.massive.com/",
    "https://api.massive.com/v1/../admin",
    "https://api.massive.com/v1/%2e%2E/admin",
    "https://api.massive.com//evil.test/",
    "https://api.massive.com/v1%2f..%2fadmin",
    "https://api.massive.com/%0d%0aHost:127.0.0.1",
    "https://api.massive.com/%5cevil.test",
    "https://api.massive.com/a%zz",
    "https://api.massive.com/?next=",
    "https://api.massive.com#@127.0.0.1/",
    "api.massive.com",
    "",
)
SCHEMES = (
    "http://api.massive.com/",
    "HTTP://api.massive.com/",
    "file:///etc/passwd",
    "ftp://api.massive.com/",
    "gopher://127.0.0.1:6379/_INFO",
    "dict://127.0.0.1:11211/",
    "ws://api.massive.com/",
    "data:text/plain,hello",
    "javascript:alert(1)",
    "jar:https://api.massive.com!/",
    "unix:///var/run/docker.sock",
)
HOSTILE = LOOPBACK + INSIDE + METADATA + TRICKS + SCHEMES


origin_of = Origin.parse


def test_there_are_enough_of_them_and_none_twice() -> None:
    assert len(set(HOSTILE)) == len(HOSTILE) >= 100


@pytest.mark.parametrize("url", HOSTILE, ids=ascii)
def test_a_hostile_address_is_refused_before_it_is_looked_up(url: str) -> None:
    looked_up: list[str] = []

    def resolver(host: str, port: int) -> Sequence[str]:
        looked_up.append(host)
        return [PUBLIC]

    with pytest.raises(UrlRefused) as caught:
        Outgoing(resolver=resolver).check(url)
    assert (caught.value.code, caught.value.status) == ("url_refused", 400)
    assert looked_up == []


@pytest.mark.parametrize("url", [None, 7, b"https://api.massive.com", ["https://api.massive.com"]], ids=repr)
def test_what_is_no_text_is_refused(url: object) -> None:
    with pytest.raises(UrlRefused):
        Outgoing().check(url)


@pytest.mark.parametrize(
    ("url", "spelt"),
    [
        ("https://api.massive.com", "https://api.massive.com:443"),
        ("HTTPS://API.Massive.COM:8443/v2/", "https://api.massive.com:8443/v2"),
        ("https://93.184.215.14/v1", "https://93.184.215.14:443/v1"),
        ("https://[2606:2800:21F::1]/", "https://[2606:2800:21f::1]:443"),
        ("https://_data.example.com/a%20b", "https://_data.example.com:443/a%20b"),
    ],
)
def test_the_public_internet_is_reached_by_https(url: str, spelt: str) -> None:
    assert Outgoing().check(url) == spelt


@pytest.mark.parametrize(
    ("url", "listed"),
    [
        ("http://127.0.0.1:9000/", "127.0.0.1:9000"),
        ("http://localhost:9000/", "localhost"),
        ("https://192.168.1.1/", "192.168.1.1"),
        ("https://192.168.1.1/", "192.168.1.1:443"),
        ("http://[::1]:9000/", "::1"),
        ("http://[::1]:9000/", "[::1]:9000"),
        ("http://nas.local/", "nas.local"),
        ("http://db/", "db:80"),
    ],
)
def test_a_listed_host_is_reached_by_http_too(url: str, listed: str) -> None:
    policy = Outgoing((listed,))

    assert policy.check(url)
    with pytest.raises(UrlRefused):
        Outgoing((listed + "0",)).check(url)


@pytest.mark.parametrize("url", METADATA, ids=ascii)
def test_metadata_is_refused_even_when_it_is_listed(url: str) -> None:
    host = url.split("//")[1].split("/")[0].strip("[]")

    with pytest.raises(UrlRefused):
        Outgoing((host, host + ":443", host + ":80")).check(url)


def test_the_own_port_is_refused_even_when_it_is_listed() -> None:
    policy = Outgoing(("127.0.0.1", "localhost"), own_port=8080, resolver=lambda host, port: ["127.0.0.1"])

    with pytest.raises(UrlRefused, match="itself"):
        policy.check("http://127.0.0.1:8080/")
    with pytest.raises(UrlRefused, match="itself"):
        policy.addresses(origin_of("http://localhost:8080/"))
    assert policy.addresses(origin_of("http://localhost:8081/")) == ["127.0.0.1"]


@pytest.mark.parametrize(
    "inside", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "fe80::1%eth0", "::ffff:10.0.0.1", "no address"]
)
def test_one_inner_address_among_public_ones_is_enough_to_refuse(inside: str) -> None:
    policy = Outgoing(resolver=lambda host, port: [PUBLIC, inside])

    with pytest.raises(UrlRefused):
        policy.addresses(origin_of("https://api.example.com"))


def test_a_listed_name_may_lie_inside_but_not_at_the_metadata_service() -> None:
    found = cycle([["10.0.0.5"], ["169.254.169.254"]])
    policy = Outgoing(("api.example.com",), resolver=lambda host, port: next(found))
    origin = origin_of("http://api.example.com")

    assert policy.addresses(origin) == ["10.0.0.5"]
    with pytest.raises(UrlRefused, match="metadata"):
        policy.addresses(origin)


# -- at the socket ----------------------------------------------------------------------------------------------------


def client_of(origin: str, policy: Outgoing, budgets: Budgets, clock: FakeClock) -> HttpClient:
    budget = budgets.key("custom", origin, "canary-key", 60_000)
    return HttpClient("custom", origin, budget, clock, random.Random(7), addresses=policy.addresses)


def test_the_socket_goes_to_the_address_that_was_checked(vendor: Vendor, budgets: Budgets, clock: FakeClock) -> None:
    port = int(vendor.origin.rsplit(":", 1)[1])
    looked_up: list[str] = []

    def resolver(host: str, port: int) -> Sequence[str]:
        looked_up.append(host)
        return ["127.0.0.1"]

    host = f"data.invalid:{port}"  # a name that no system can look up
    client = client_of(f"http://{host}", Outgoing((host,), resolver=resolver), budgets, clock)

    assert client.get(f"http://{host}/v1", what="a test", endpoint="test").status == 200
    assert client.get(f"http://{host}/v1", what="a test", endpoint="test").status == 200
    assert looked_up == ["data.invalid"]
    assert [one.headers["Host"] for one in vendor.asked] == [host, host]
    client.close()


def test_a_name_that_turns_inwards_makes_no_connection_and_costs_no_slot(
    vendor: Vendor, budgets: Budgets, clock: FakeClock
) -> None:
    port = int(vendor.origin.rsplit(":", 1)[1])
    answers = iter([[PUBLIC], ["127.0.0.1"]])
    policy = Outgoing(resolver=lambda host, port: next(answers))
    origin = origin_of(policy.check(f"https://data.example.com:{port}"))
    assert policy.addresses(origin) == [PUBLIC]
    client = client_of(f"https://data.example.com:{port}", policy, budgets, clock)

    with pytest.raises(UrlRefused):
        client.get(f"https://data.example.com:{port}/v1", what="a test", endpoint="test")

    assert vendor.asked == []
    client.close()


def test_a_host_without_an_address_is_a_source_that_does_not_answer(budgets: Budgets, clock: FakeClock) -> None:
    def nobody(host: str, port: int) -> Sequence[str]:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    client = client_of("https://data.example.com", Outgoing(resolver=nobody), budgets, clock)

    with pytest.raises(ProviderUnavailable, match="no connection"):
        client.get("https://data.example.com/", what="a test", endpoint="test")


def test_the_second_address_is_tried_when_the_first_does_not_answer(
    vendor: Vendor, budgets: Budgets, clock: FakeClock
) -> None:
    port = int(vendor.origin.rsplit(":", 1)[1])
    policy = Outgoing(("data.invalid",), resolver=lambda host, port: ["127.0.0.2", "127.0.0.1"])
    client = client_of(f"http://data.invalid:{port}", policy, budgets, clock)

    assert client.get(f"http://data.invalid:{port}/", what="a test", endpoint="test").status == 200
    client.close()


def test_the_systems_look_up_names_each_address_once() -> None:
    assert resolve("127.0.0.1", 80) == ["127.0.0.1"]
