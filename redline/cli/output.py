"""What a verb prints: sentences on stderr, answers on stdout, a progress line on a terminal."""

from __future__ import annotations

import json
import sys

from redline.errors import RedlineError

BAR_WIDTH = 28
DEMO_NOTE = "Demo data, no key. Save one with: python -m redline keys add massive"


class Output:
    """Where the words of a verb go. ``--json`` leaves nothing on stdout but one JSON document."""

    def __init__(self, *, as_json: bool, quiet: bool) -> None:
        self.as_json = as_json
        self.quiet = quiet
        self._progress = not quiet and sys.stderr.isatty()
        self._shown = ""

    def say(self, text: str) -> None:
        """Print a sentence for people; silent with ``--quiet``."""
        if not self.quiet:
            self.clear()
            sys.stderr.write(text + "\n")

    def answer(self, text: str) -> None:
        """Print the answer for people on stdout; left out with ``--json``."""
        if not self.as_json:
            self.clear()
            sys.stdout.write(text + "\n")

    def document(self, value: object) -> None:
        """Print the answer for programs on stdout, when ``--json`` was given."""
        if self.as_json:
            self.clear()
            sys.stdout.write(json.dumps(value, ensure_ascii=False, default=str) + "\n")

    def error(self, error: RedlineError) -> None:
        """Print an error: the one JSON shape on stdout with ``--json``, else a sentence and a hint on stderr."""
        self.clear()
        if self.as_json:
            self.document(error.as_json())
            return
        sys.stderr.write(f"redline: {error.sentence}\n")
        if error.hint:
            sys.stderr.write(f"         {error.hint}\n")

    def agreed(self, question: str, *, yes: bool) -> bool:
        """Ask on a terminal and return whether the answer was yes; with ``--yes``, or without a terminal, it is."""
        if yes or self.quiet or not (sys.stdin.isatty() and sys.stderr.isatty()):
            return True
        sys.stderr.write(f"{question} [y/N] ")
        sys.stderr.flush()
        return sys.stdin.readline().strip().lower() in ("y", "yes")

    def progress(self, done: int, total: int, note: str) -> None:
        """Redraw the progress line; only on a terminal."""
        if not self._progress:
            return
        filled = BAR_WIDTH * done // max(total, 1)
        line = f"[{'=' * filled}{' ' * (BAR_WIDTH - filled)}] {done}/{total} parts  {note}"[:110]
        if line != self._shown:
            sys.stderr.write("\r\x1b[K" + line)
            sys.stderr.flush()
            self._shown = line

    def clear(self) -> None:
        """Take the progress line away."""
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            self._shown = ""


def table(headings: tuple[str, ...], rows: list[tuple[object, ...]]) -> str:
    """Return rows as aligned text: numbers to the right, words to the left."""
    cells = [tuple("" if value is None else str(value) for value in row) for row in rows]
    widths = [max(len(row[n]) for row in [headings, *cells]) for n in range(len(headings))]
    numeric = [all(isinstance(row[n], int | float) for row in rows) for n in range(len(headings))]

    def line(row: tuple[str, ...]) -> str:
        padded = (
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, numeric, strict=True)
        )
        return "  ".join(padded).rstrip()

    return "\n".join(line(row) for row in [headings, *cells])
