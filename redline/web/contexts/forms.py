"""Fields of forms: label, value, hint and what was wrong, ready to print."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

#: What the forms call a field, where that is more than its name with a capital letter.
LABELS = {"start_date": "From", "end_date": "To", "api_key": "The key", "rate_limit_per_minute": "The limit"}


@dataclass(frozen=True, slots=True)
class Option:
    """A choice of a list."""

    value: str
    label: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class Field:
    """One field. ``kind``: text, date, number, select, password. ``css`` is its place in the grid."""

    name: str
    label: str
    value: str = ""
    kind: str = "text"
    css: str = "w4"
    hint: str = ""
    error: str = ""
    placeholder: str = ""
    required: bool = False
    options: tuple[Option, ...] = ()

    @property
    def id(self) -> str:
        """The field's id in the page."""
        return f"f-{self.name.replace('_', '-')}"

    @property
    def described_by(self) -> str:
        """The id of what explains the field, empty for none."""
        return f"{self.id}-e" if self.error else f"{self.id}-h" if self.hint else ""


@dataclass(frozen=True, slots=True)
class Complaint:
    """What was wrong with a request, as its error says it; ``field`` is where, empty for nowhere in particular."""

    sentence: str
    hint: str
    code: str
    status: int
    field: str
    incident: str

    @classmethod
    def of(cls, body: Mapping[str, object], status: int) -> Complaint:
        """Return the complaint of an error's JSON (design 4.3); a field is called as its form calls it."""
        names = ("error", "hint", "code", "field", "incident")
        sentence, hint, code, field, incident = (str(body.get(name) or "") for name in names)
        if field and sentence.startswith(f"{field} was "):
            label = LABELS.get(field, field.replace("_", " ").capitalize())
            sentence = label + sentence.removeprefix(field)
            hint = hint.replace(f"Correct {field} and", "Correct it and")
        return cls(sentence, hint, code, status, field, incident)

    @property
    def said(self) -> str:
        """Sentence and hint together."""
        return f"{self.sentence} {self.hint}".strip()


def at(complaint: Complaint | None, *fields: str) -> str:
    """Return the sentence of a complaint when it is about one of ``fields``."""
    return complaint.sentence if complaint is not None and complaint.field in fields else ""


def options(choices: Mapping[str, str], chosen: str) -> tuple[Option, ...]:
    """Return the choices of a list; a value that is none of them is kept as one: it has to be seen to be corrected."""
    rows = tuple(Option(value, label, value == chosen) for value, label in choices.items())
    return rows if not chosen or chosen in choices else (*rows, Option(chosen, chosen, True))
