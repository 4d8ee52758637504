from __future__ import annotations

import json
import os
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redline.config import KeyIn, KeyRing, Origin, Secret, open_vault
from redline.errors import BadField, KeysUnreadable, NotFound
from redline.testing import FakeClock
from tests.config.conftest import Load

KEY = "canary-saved-key-wxyz"


def key_in(**fields: object) -> KeyIn:
    return KeyIn.parse({"source": "massive", "api_key": KEY, **fields})


def used(ring: KeyRing, argument: str | None = None) -> tuple[str, Origin, float | None]:
    key = ring.resolve("massive", argument)
    assert key is not None
    return key.api_key.reveal(), key.origin_of_value, key.rate_limit_per_minute


def ring_with(settings_of: Load, **environ: str) -> KeyRing:
    settings = settings_of(**environ)
    return KeyRing(open_vault(settings, FakeClock()), settings)


def test_no_key_anywhere_is_none_and_an_unknown_source_too(ring: KeyRing) -> None:
    assert ring.resolve("massive") is None
    assert ring.resolve("nobody") is None
    assert list(ring.list()) == []


def test_argument_beats_environment_beats_saved_beats_plain_file(settings_of: Load) -> None:
    path = settings_of().vault_path
    path.parent.mkdir()
    path.write_text('{"massive": {"api_key": "key-of-plain-file", "rate_limit_per_minute": 60, "timeout": 30}}')

    ring = ring_with(settings_of)
    assert used(ring) == ("key-of-plain-file", Origin.FILE, 60)
    ring.save(key_in(rate_limit_per_minute=70))
    assert used(ring) == (KEY, Origin.SETTINGS, 70)
    outside = ring_with(settings_of, MASSIVE_API_KEY="key-of-environment")
    assert used(outside) == ("key-of-environment", Origin.ENVIRONMENT, None)
    assert used(outside, "key-of-argument") == ("key-of-argument", Origin.ARGUMENT, None)


def test_a_key_from_outside_that_is_saved_too_has_its_saved_limit(settings_of: Load) -> None:
    ring_with(settings_of).save(key_in(rate_limit_per_minute=70))

    assert used(ring_with(settings_of, POLYGON_API_KEY=KEY)) == (KEY, Origin.ENVIRONMENT, 70)
    assert used(ring_with(settings_of), KEY) == (KEY, Origin.ARGUMENT, 70)


def test_a_saved_key_starts_at_5_until_test_finds_its_plan_and_a_limit_that_was_said_stays(ring: KeyRing) -> None:
    ring.save(key_in())
    assert used(ring)[2] == 5

    ring.note_test("massive", {"plan": "starter", "rate_limit_per_minute": 100})
    assert used(ring)[2] == 100
    ring.save(key_in(rate_limit_per_minute=20))
    assert used(ring)[2] == 20
    tested = ring.list()[0].tested
    assert tested is not None
    assert (tested["plan"], tested["tested_at"]) == ("starter", "2024-06-03T15:00:00Z")


def test_what_test_found_does_not_pass_to_another_key(ring: KeyRing) -> None:
    ring.save(key_in())
    ring.note_test("massive", {"rate_limit_per_minute": 100})
    ring.save(key_in(api_key="another-key-7890"))
    ring.note_test("massive", {"rate_limit_per_minute": 100}, Secret(KEY))  # an answer that came late

    assert used(ring) == ("another-key-7890", Origin.SETTINGS, 5)
    assert ring.list()[0].tested is None


def test_test_of_a_key_from_the_environment_is_kept_without_the_key(settings_of: Load) -> None:
    ring = ring_with(settings_of, MASSIVE_API_KEY="key-of-environment")
    ring.note_test("massive", {"rate_limit_per_minute": 100})

    assert used(ring)[2] == 100
    assert [(one.origin, one.in_effect) for one in ring.list()] == [(Origin.ENVIRONMENT, True)]
    assert used(ring_with(settings_of, MASSIVE_API_KEY="another-key-7890"))[2] is None
    assert ring_with(settings_of).resolve("massive") is None


@pytest.mark.parametrize("limit", [0, -1, True, "60", float("nan")])
def test_a_limit_that_is_none_is_not_kept_from_a_test(ring: KeyRing, limit: object) -> None:
    ring.save(key_in())
    with pytest.raises(BadField):
        ring.note_test("massive", {"rate_limit_per_minute": limit})
    assert used(ring)[2] == 5


def test_the_list_shows_which_one_is_in_effect_and_no_key(settings_of: Load) -> None:
    ring_with(settings_of).save(key_in(name="mine", timeout=12.5))
    rows = [one.as_json() for one in ring_with(settings_of, MASSIVE_API_KEY="canary-environment").list()]

    assert [(row["from"], row["in_effect"], row["last_four"]) for row in rows] == [
        ("environment", True, "ment"),
        ("settings", False, "wxyz"),
    ]
    assert rows[1] == {
        "source": "massive",
        "name": "mine",
        "last_four": "wxyz",
        "from": "settings",
        "rate_limit_per_minute": 5,
        "timeout": 12.5,
        "saved_at": "2024-06-03T15:00:00Z",
        "tested": None,
        "in_effect": False,
        "placeholder": "••••wxyz",
    }
    assert "canary" not in json.dumps(rows)


def test_no_key_is_in_any_repr(ring: KeyRing) -> None:
    wanted = key_in()
    shown = repr(wanted) + repr(ring.save(wanted)) + repr(ring.resolve("massive")) + repr(ring.list())

    assert "canary" not in shown


@pytest.mark.parametrize("placeholder", ["••••wxyz", "....wxyz", " ••••wxyz "])
def test_the_placeholder_keeps_the_key_and_changes_the_rest(ring: KeyRing, placeholder: str) -> None:
    ring.save(key_in())
    ring.note_test("massive", {"plan": "starter"})
    ring.save(key_in(api_key=placeholder, rate_limit_per_minute=9))

    assert used(ring) == (KEY, Origin.SETTINGS, 9)
    assert ring.list()[0].tested is not None


def test_a_placeholder_of_no_saved_key_is_refused(ring: KeyRing) -> None:
    with pytest.raises(BadField, match="api_key"):
        ring.save(key_in(api_key="••••wxyz"))
    ring.save(key_in())
    with pytest.raises(BadField, match="api_key"):
        ring.save(key_in(api_key="••••abcd"))


def test_saving_takes_over_the_key_of_a_plain_file_once(settings_of: Load) -> None:
    path = settings_of().vault_path
    path.parent.mkdir()
    path.write_text('{"massive": {"api_key": "key-of-plain-file", "s3_access_key": "kept"}}')
    ring = ring_with(settings_of)
    ring.save(key_in(api_key="••••file", rate_limit_per_minute=60))

    assert [(one.origin, one.last_four) for one in ring.list()] == [(Origin.SETTINGS, "file")]


def test_deleting_erases_what_is_saved_and_says_when_nothing_is(settings_of: Load) -> None:
    ring = ring_with(settings_of)
    ring.save(key_in())
    ring.delete("massive")

    assert ring.resolve("massive") is None
    with pytest.raises(NotFound):
        ring.delete("massive")
    with pytest.raises(NotFound) as caught:
        ring_with(settings_of, MASSIVE_API_KEY=KEY).delete("massive")
    assert "environment" in caught.value.hint


def test_a_key_from_the_environment_works_though_the_vault_does_not_open(settings_of: Load) -> None:
    ring_with(settings_of).save(key_in())
    wrong = os.urandom(32).hex()

    with pytest.raises(KeysUnreadable):
        ring_with(settings_of, REDLINE_MASTER_KEY=wrong).resolve("massive")
    assert used(ring_with(settings_of, REDLINE_MASTER_KEY=wrong, MASSIVE_API_KEY="outside-key"))[0] == "outside-key"


WRONG: list[tuple[str, Mapping[str, object]]] = [
    ("source", {"source": "nobody"}),
    ("source", {"source": "../x"}),
    ("source", {"source": None}),
    ("source", {"source": ["massive"]}),
    ("source", {"source": "MASSIVE"}),
    ("api_key", {"api_key": None}),
    ("api_key", {"api_key": ""}),
    ("api_key", {"api_key": "   "}),
    ("api_key", {"api_key": "canary key"}),
    ("api_key", {"api_key": "canary\nkey"}),
    ("api_key", {"api_key": "canary\r\nX-Header: 1"}),
    ("api_key", {"api_key": "canary\0"}),
    ("api_key", {"api_key": "canáry"}),
    ("api_key", {"api_key": "canary" * 50}),
    ("api_key", {"api_key": ["canary"]}),
    ("api_key", {"api_key": 7}),
    ("rate_limit_per_minute", {"rate_limit_per_minute": 0}),
    ("rate_limit_per_minute", {"rate_limit_per_minute": -5}),
    ("rate_limit_per_minute", {"rate_limit_per_minute": True}),
    ("rate_limit_per_minute", {"rate_limit_per_minute": "60"}),
    ("rate_limit_per_minute", {"rate_limit_per_minute": float("inf")}),
    ("rate_limit_per_minute", {"rate_limit_per_minute": 10**400}),
    ("timeout", {"timeout": 0}),
    ("timeout", {"timeout": 601}),
    ("timeout", {"timeout": False}),
    ("timeout", {"timeout": "soon"}),
    ("name", {"name": ""}),
    ("name", {"name": "a\nb"}),
    ("name", {"name": "x" * 81}),
    ("s3_access_key", {"s3_access_key": "canary"}),
    ("colour", {"colour": "canary"}),
]


@pytest.mark.parametrize(("field", "fields"), WRONG)
def test_a_wrong_field_is_named_and_no_key_is_in_the_message(field: str, fields: Mapping[str, object]) -> None:
    with pytest.raises(BadField) as caught:
        key_in(**fields)

    assert caught.value.fields["field"] == field
    assert "can" not in json.dumps(caught.value.as_json(), ensure_ascii=False)


def test_a_form_gives_texts_and_leaves_out_what_is_empty() -> None:
    found = KeyIn.parse_form(
        {"source": "massive", "api_key": KEY, "name": "", "rate_limit_per_minute": "60", "timeout": " 2.5 "}
    )

    assert (found.name, found.rate_limit_per_minute, found.timeout_s) == ("massive", 60, 2.5)
    assert KeyIn.parse_form({"source": "massive", "api_key": KEY, "rate_limit_per_minute": ""}) == key_in()
    for wrong in ("abc", "1e3", "-1", "0"):
        with pytest.raises(BadField, match="rate_limit_per_minute"):
            KeyIn.parse_form({"source": "massive", "api_key": KEY, "rate_limit_per_minute": wrong})
    with pytest.raises(BadField, match="api_key"):
        KeyIn.parse_form({"source": "massive", "api_key": ""})


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
FIELD = st.sampled_from(["source", "api_key", "name", "rate_limit_per_minute", "timeout"]) | st.text(max_size=5)


@given(st.dictionaries(FIELD, ANY_JSON, max_size=6))
def test_any_object_is_a_key_or_a_bad_field(fields: dict[str, object]) -> None:
    try:
        found = KeyIn.parse({"source": "massive", "api_key": KEY, **fields})
    except BadField:
        return
    assert found.source == "massive"
