"""S9: data never becomes code: no pickle, no eval, no shell, no template made of text, nothing marked as safe."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "redline"
MODULES = {"pickle", "cPickle", "dill", "marshal", "shelve", "joblib", "cloudpickle"}
CALLS = {
    *("eval", "exec", "compile", "__import__", "render_template_string", "from_string", "Markup", "system", "popen"),
    *("unsafe_load", "read_pickle", "to_pickle", "allow_pickle"),
}


def odd_nodes(tree: ast.AST) -> Iterator[str]:
    """Yield what a module must not have."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [one.name for one in node.names]
            yield from (f"imports {name}" for name in names if name.partition(".")[0] in MODULES)
        if isinstance(node, ast.Call):
            owner = (
                node.func.value.id
                if isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name)
                else ""
            )
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            if name in CALLS and (owner, name) != ("re", "compile"):
                yield f"calls {name}"
            yield from (f"has {one.arg}" for one in node.keywords if one.arg in ("shell", "allow_pickle"))


def test_no_module_makes_code_of_data() -> None:
    found = [
        f"{path.relative_to(PACKAGE)}: {odd}"
        for path in PACKAGE.rglob("*.py")
        for odd in odd_nodes(ast.parse(path.read_text()))
    ]

    assert found == []


def test_the_search_finds_what_it_looks_for() -> None:
    bad = ["import pickle", "from marshal import x", "eval(a)", "run(a, shell=True)", "load(a, allow_pickle=True)"]
    bad.append("env.from_string(a)")

    assert [len(list(odd_nodes(ast.parse(line)))) for line in bad] == [1] * len(bad)
    assert list(odd_nodes(ast.parse("import re\nre.compile('x')"))) == []


def test_no_template_switches_escaping_off() -> None:
    pages = list((PACKAGE / "web" / "templates").glob("*.html"))

    assert len(pages) > 20
    for page in pages:
        text = page.read_text()
        assert not [
            word for word in ("|safe", "| safe", "autoescape", "<script>", "style=", "onclick=") if word in text
        ], page
