"""What is served beside the pages: vendored files are what they were, and nothing needs an exception in the policy."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

WEB = Path(__file__).parents[2] / "redline" / "web"
VENDOR = WEB / "static" / "vendor"
TEMPLATES = sorted((WEB / "templates").glob("*.html"))
SCRIPTS = sorted((WEB / "static").glob("*.js"))


def test_vendored_files_are_those_that_were_checked_in() -> None:
    listed = dict(reversed(line.split("  ")) for line in (VENDOR / "SHA256SUMS").read_text().splitlines())

    found = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in VENDOR.iterdir()
        if path.name not in ("SHA256SUMS", "README.md")
    }

    assert found == listed
    assert "Apache License" in (VENDOR / "lightweight-charts.LICENSE.txt").read_text()


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_a_template_has_no_inline_script_style_or_handler(path: Path) -> None:
    text = path.read_text()

    assert not re.findall(r"<script(?![^>]*\bsrc=)", text)
    assert not re.findall(r"<style|\sstyle=|\son[a-z]+=", text)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_a_template_loads_nothing_from_elsewhere(path: Path) -> None:
    loaded = re.findall(r"<(?:script|link|img|iframe)[^>]*(?:src|href)=\"([^\"]*)\"", path.read_text())

    assert [address for address in loaded if not address.startswith("{{ static_url(")] == []


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_every_form_that_changes_something_carries_its_token(path: Path) -> None:
    forms = re.findall(r"<form[^>]*method=\"post\".*?</form>", path.read_text(), re.DOTALL)

    assert all("csrf_token()" in form for form in forms)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_a_template_marks_nothing_as_safe(path: Path) -> None:
    assert not re.findall(r"\|\s*safe\b|autoescape\s+false", path.read_text())


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_a_script_of_ours_makes_no_code_from_text(path: Path) -> None:
    assert not re.findall(r"\beval\(|new Function|document\.write|setAttribute\(\"(?:style|on)", path.read_text())
