from __future__ import annotations

import copy
import json
import logging
import pickle
from dataclasses import asdict, dataclass

import pytest

from redline.config import Secret

CANARY = "canary-secret-wxyz"


@dataclass(frozen=True, slots=True)
class Holder:
    secret: Secret


def test_nothing_that_python_prints_shows_it(caplog: pytest.LogCaptureFixture) -> None:
    secret = Secret(CANARY)
    logging.getLogger("test").warning("%s %r", secret, secret)
    printed = f"{secret} {secret!r} {secret:>40} {Holder(secret)} {asdict(Holder(secret))} {[secret]}" + caplog.text

    assert "canary" not in printed
    assert "wxyz" not in printed
    assert secret.reveal() == CANARY


def test_it_is_neither_pickled_nor_put_into_json() -> None:
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(Secret(CANARY))
    with pytest.raises(TypeError):
        json.dumps({"key": Secret(CANARY)})


def test_equal_secrets_are_equal_and_a_text_is_none() -> None:
    assert Secret(CANARY) == Secret(CANARY)
    assert Secret(CANARY) != Secret(CANARY + "x")
    assert Secret(CANARY) != CANARY
    assert copy.deepcopy(Secret(CANARY)) == Secret(CANARY)
    assert len({Secret(CANARY), Secret(CANARY)}) == 1


@pytest.mark.parametrize(("value", "shown"), [(CANARY, "••••wxyz"), ("1234567", "••••"), ("", "••••")])
def test_the_placeholder_shows_four_letters_unless_that_is_half_of_it(value: str, shown: str) -> None:
    assert Secret(value).placeholder == shown
