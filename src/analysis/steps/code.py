"""The package's code that a notebook imports, directly or through other modules, found by reading
and not by running it.
"""

import json
import re
from functools import cache
from pathlib import Path

from analysis.storage import PACKAGE, bytes_fingerprint, text_fingerprint

NAME = PACKAGE.name
RENDERING = f"{NAME}.report.page"
STATEMENT = re.compile(
    rf"^[ \t]*(?:from|import)[ \t]+(?P<module>{NAME}(?:\.\w+)*)(?:[ \t]+import[ "
    rf"\t]+(?P<names>\([^)]*\)|[^\n]*))?",
    re.MULTILINE,
)


@cache
def imported_code(notebook: Path) -> str:
    """A fingerprint of every module of the package that the notebook's code imports, and of what
    makes the page of it.
    """
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    source = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "code")
    wanted, seen = _imports(source, "") | {RENDERING}, set[Path]()
    while wanted:
        path = _file_of(wanted.pop())
        if path and path not in seen:
            seen.add(path)
            wanted |= _imports_of(path)
    seen |= {
        f
        for folder in ("report/template", "locale")
        for f in (PACKAGE / folder).rglob("*")
        if f.is_file()
    }
    return text_fingerprint(*[f"{p.relative_to(PACKAGE)} {_mark(p)}" for p in sorted(seen)])


@cache
def _mark(path: Path) -> str:
    return bytes_fingerprint(path)


@cache
def _imports_of(path: Path) -> frozenset[str]:
    module = ".".join((NAME, *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(
        ".__init__"
    )
    return frozenset(_imports(path.read_text(encoding="utf-8"), module))


def _imports(source: str, module: str) -> set[str]:
    """Modules of the package named in import statements, at the top or within functions, and the
    packages they lie in.

    Found by pattern, which is ten times as fast as parsing; a sentence that looks like an import
    only adds a module.
    """
    named = {module} if module else set[str]()
    for found in STATEMENT.finditer(source):
        named.add(found["module"])
        named |= {f"{found['module']}.{name}" for name in re.findall(r"\w+", found["names"] or "")}
    return named | {".".join(n.split(".")[:i]) for n in named for i in range(1, n.count(".") + 1)}


def _file_of(module: str) -> Path | None:
    path = PACKAGE.joinpath(*module.split(".")[1:])
    for file in (path.with_suffix(".py"), path / "__init__.py"):
        if file.is_file():
            return file
    return None
