"""A text with places for a fixed list of fields: what it names is filled, all else stays as it is, nothing is run."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redline.config.template import Template

FIELDS = ("ticker", "start_date", "end_date")
_plain = st.text(max_size=20).filter(lambda text: "{" not in text and "}" not in text)


@given(
    st.lists(st.tuples(_plain, st.sampled_from(FIELDS)), max_size=5), _plain, st.dictionaries(st.just("x"), st.text())
)
def test_fields_are_filled_and_literals_stay(parts: list[tuple[str, str]], rest: str, values: dict[str, str]) -> None:
    filled = {field: f"<{field}>{{{field}}}{values.get('x', '')}" for field in FIELDS}  # a value with a field in it

    made = Template.parse("".join(f"{literal}{{{field}}}" for literal, field in parts) + rest, FIELDS)

    assert made.fields == {field for _, field in parts}
    assert made.fill(filled) == "".join(literal + filled[field] for literal, field in parts) + rest


@pytest.mark.parametrize(
    "text",
    [
        "{ticker.__class__.__init__.__globals__}",
        "{ticker[0]}",
        "{ticker!r}",
        "{ticker:{start_date}}",
        "{0}",
        "{}",
        "{ ticker }",
        "{TICKER}",
        "{{ticker}}",
        "{ticker",
        "ticker}",
        "{{",
        "}}",
    ],
)
def test_what_str_format_would_follow_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"names|brace"):
        Template.parse(text, FIELDS)


@given(st.text(alphabet="{}ticker.!:[]0 ", max_size=30))
def test_any_text_is_filled_or_refused(text: str) -> None:
    try:
        made = Template.parse(text, FIELDS)
    except ValueError:
        assert "{" in text or "}" in text
    else:
        assert made.fill(dict.fromkeys(FIELDS, "V")) == text.replace("{ticker}", "V")
