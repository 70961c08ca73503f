"""The package's code that a notebook or a step reaches, found by reading it and not by running it.

A notebook reaches every module it imports, directly or through others. A step reaches what its
function uses: the functions and constants beside it, and the modules those import.
"""

import ast
import json
import re
from collections.abc import Callable, Iterable
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from analysis.storage import PACKAGE, bytes_fingerprint, text_fingerprint

NAME = PACKAGE.name
RENDERING = f"{NAME}.report.page"
#: What runs a step or prepares a bank, says what went wrong or reads the params file does not
#: change what comes of it.
NOT_RESULTS = (
    f"{NAME}.steps",
    f"{NAME}.prepare",
    f"{NAME}.sources.params",
    f"{NAME}.errors",
    f"{NAME}.storage",
)
#: What tells of results changes pages, and no step.
LANGUAGE = f"{NAME}.language"
STATEMENT = re.compile(
    rf"^[ \t]*(?:from|import)[ \t]+(?P<module>{NAME}(?:\.\w+)*)"
    r"(?:[ \t]+import[ \t]+(?P<names>\([^)]*\)|[^\n]*))?",
    re.MULTILINE,
)


@cache
def imported_code(notebook: Path) -> str:
    """A fingerprint of every module of the package that the notebook's code imports, and of what
    makes the page of it.
    """
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    source = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "code")
    templates = {f for f in (PACKAGE / "report/template").rglob("*") if f.is_file()}
    return _fingerprint(notebook_modules(source) | templates)


def notebook_modules(source: str) -> set[Path]:
    """The files of the package that the code of a notebook reaches."""
    return _reached(_imports(source, "") | {RENDERING}, without=NOT_RESULTS)


@cache
def function_code(function: Callable[..., Any]) -> str:
    """A fingerprint of a function of the package: its own text, that of what it uses beside it in
    its module, and every module of the package that these import.
    """
    texts, modules = _beside(function.__module__, function.__qualname__.split(".")[0])
    reached = _reached(modules, without=(*NOT_RESULTS, LANGUAGE))
    return text_fingerprint(*texts, _fingerprint(reached))


def _fingerprint(files: Iterable[Path]) -> str:
    return text_fingerprint(*[f"{p.relative_to(PACKAGE)} {_mark(p)}" for p in sorted(files)])


def _reached(modules: Iterable[str], without: tuple[str, ...] = ()) -> set[Path]:
    """The files of the modules and of all that they import, but for those `without`."""
    wanted, reached = set(modules), set[Path]()
    while wanted:
        module = wanted.pop()
        if any(module == name or module.startswith(f"{name}.") for name in without):
            continue
        path = _file_of(module)
        if path and path not in reached:
            reached.add(path)
            wanted |= _imports_of(path)
    return reached


def _beside(module: str, name: str) -> tuple[list[str], set[str]]:
    """The texts of a definition and of those beside it that it uses, and the modules of the package
    they import.
    """
    definitions, imported = _names_in(module)
    texts, modules, wanted, seen = [], set[str](), [name], set[str]()
    while wanted:
        used = wanted.pop()
        if used in seen:
            continue
        seen.add(used)
        modules |= imported.get(used, set())
        if used in definitions:
            text = ast.unparse(definitions[used])
            texts.append(text)
            modules |= _imports(text, "")
            wanted += [n.id for n in ast.walk(definitions[used]) if isinstance(n, ast.Name)]
    return sorted(texts), modules


@cache
def _names_in(module: str) -> tuple[dict[str, ast.stmt], dict[str, set[str]]]:
    """What the names at the top of a module stand for: definitions, and modules of the package."""
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        raise ValueError(f"The module {module} has no file.")
    definitions: dict[str, ast.stmt] = {}
    imported: dict[str, set[str]] = {}
    for statement in ast.parse(Path(spec.origin).read_text(encoding="utf-8")).body:
        if isinstance(statement, ast.FunctionDef | ast.ClassDef):
            definitions[statement.name] = statement
        elif isinstance(statement, ast.Assign | ast.AnnAssign):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            definitions |= {t.id: statement for t in targets if isinstance(t, ast.Name)}
        elif isinstance(statement, ast.ImportFrom) and statement.module:
            for each in statement.names:
                named = _imports(f"from {statement.module} import {each.name}", "")
                imported[each.asname or each.name] = named
    return definitions, imported


@cache
def _mark(path: Path) -> str:
    return bytes_fingerprint(path)


@cache
def _imports_of(path: Path) -> frozenset[str]:
    parts = (NAME, *path.relative_to(PACKAGE).with_suffix("").parts)
    module = ".".join(parts).removesuffix(".__init__")
    return frozenset(_imports(path.read_text(encoding="utf-8"), module))


def _imports(source: str, module: str) -> set[str]:
    """Modules of the package named in import statements, at the top or within functions, and the
    folders they lie in; the package itself only where it is named, for it opens all subjects.

    Found by pattern, which is ten times as fast as parsing; a sentence that looks like an import
    only adds a module.
    """
    named = {module} if module else set[str]()
    for statement in STATEMENT.finditer(source):
        named.add(statement["module"])
        names = re.findall(r"\w+", statement["names"] or "")
        named |= {f"{statement['module']}.{name}" for name in names}
    return named | {".".join(n.split(".")[:i]) for n in named for i in range(2, n.count(".") + 1)}


def _file_of(module: str) -> Path | None:
    path = PACKAGE.joinpath(*module.split(".")[1:])
    for file in (path.with_suffix(".py"), path / "__init__.py"):
        if file.is_file():
            return file
    return None
