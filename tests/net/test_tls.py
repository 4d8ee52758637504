"""TLS: a certificate that nobody vouches for is refused, one that the machine trusts is not."""

from __future__ import annotations

import random
import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from redline.clock import SystemClock
from redline.errors import ProviderError, ProviderUnavailable
from redline.net.budget import Budgets
from redline.net.http import HttpClient

ANSWER = b'HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{"status":"OK"}'


def certificate(folder: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / "server.pem"
    file.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return file


@pytest.fixture
def pem(tmp_path: Path) -> Path:
    return certificate(tmp_path)


@pytest.fixture
def origin(pem: Path) -> Iterator[str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            try:
                with context.wrap_socket(connection, server_side=True) as tls:
                    while tls.recv(65_536):
                        tls.sendall(ANSWER)
            except OSError:
                connection.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"https://127.0.0.1:{listening.getsockname()[1]}"
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()
    thread.join(5)


def asked(origin: str, folder: Path, times: int = 1) -> list[int]:
    budgets = Budgets(folder / "budgets.db", SystemClock())
    http = HttpClient("massive", origin, budgets.key("massive", origin, "key"), SystemClock(), random.Random(1))
    try:
        return [http.get(origin + "/", what="a call", endpoint="calls").status for _ in range(times)]
    finally:
        http.close()
        budgets.close()


def test_an_unknown_certificate_is_refused_at_once(origin: str, tmp_path: Path) -> None:
    with pytest.raises(ProviderError, match="certificate") as raised:
        asked(origin, tmp_path)

    assert not isinstance(raised.value, ProviderUnavailable)


def test_a_certificate_that_the_machine_trusts_is_taken(
    origin: str, pem: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))

    assert asked(origin, tmp_path, times=2) == [200, 200]
