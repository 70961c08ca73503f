"""Bring the catalogues of other languages up to date with the code: `make words`.

What is to be translated is what stands in `say`, `marked`, `ngettext` and `impossible`, in the
package and in the code cells of notebooks, and the help of commands. The prose of notebooks is
translated in its own cells (`analysis.report.prose`).
"""

import ast
import json
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from analysis.language import DOMAIN, LOCALE, unwrapped
from analysis.runs import new
from analysis.storage import PACKAGE, written_whole

NOTEBOOKS = PACKAGE.parents[1] / "notebooks"
#: With one argument a message, with two a message and its context.
WITH_CONTEXT = {1: (1,), 2: ((2, "c"), 1)}
KEYWORDS: dict[str, Any] = {
    "say": WITH_CONTEXT,
    "marked": WITH_CONTEXT,
    "ngettext": (1, 2),
    "impossible": (1,),
}
#: What typer says to who types, through gettext; the rest of what it says is English only.
OF_LIBRARIES = (
    "Options",
    "Arguments",
    "Commands",
    "Error",
    "Aborted.",
    "Aborted!",
    "required",
    "[required]",
    "[default: {}]",
    "default: {default}",
    "Try [blue]'{command_path} {help_option}'[/] for help.",
    "Missing command.",
    "No such command {name!r}.",
)
HEADER = "# What the workbook says, in another language; see CONTRIBUTING.md."

#: Message, or singular and plural; context.
Message = tuple[str | tuple[str, ...], str | None]


def messages() -> Catalog:
    """Everything that is to be translated."""
    catalog = Catalog(domain=DOMAIN, header_comment=HEADER)
    for place, source in _sources():
        for message, context in _messages_in(source):
            catalog.add(message, context=context, locations=[(place, 0)])
    for text in OF_LIBRARIES:
        catalog.add(text, locations=[("typer", 0)])
    for name, text in _help():
        catalog.add(text, locations=[(f"cli.py: {name}", 0)])
    return catalog


def _sources() -> Iterator[tuple[str, str]]:
    """Every piece of code that may say something: its file, and its text."""
    for path in sorted(PACKAGE.rglob("*.py")):
        yield path.relative_to(PACKAGE).as_posix(), path.read_text(encoding="utf-8")
    yield "a new report", "\n".join((new.FINDINGS, new.OPEN, new.TABLE))
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
        yield path.name, "\n".join(code)


def _messages_in(source: str) -> Iterator[Message]:
    found = extract("python", BytesIO(source.encode()), keywords=KEYWORDS)
    for _line, message, _comments, context in found:
        yield message, context


def _help() -> Iterator[tuple[str, str]]:
    """The docstring of each command."""
    tree = ast.parse((PACKAGE / "cli.py").read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and any(
            isinstance(d, ast.Name) and d.id == "command" for d in node.decorator_list
        ):
            yield node.name, unwrapped(ast.get_docstring(node, clean=False) or "")


def catalogues() -> list[Path]:
    """The catalogues there are."""
    return sorted(LOCALE.glob(f"*/LC_MESSAGES/{DOMAIN}.po"))


def read_catalogue(path: Path) -> Catalog:
    """A catalogue as it lies on disk."""
    with path.open("rb") as file:
        return read_po(file, locale=path.parents[1].name, domain=DOMAIN)


def lacking(path: Path) -> list[str]:
    """What a catalogue does not translate, or no longer rightly: messages that are missing, empty
    or fuzzy, that nobody says any more, and whose translation has other places to fill.
    """
    catalog, said = read_catalogue(path), messages()
    faults = []
    for message in said:
        if not message.id:
            continue
        known = catalog.get(message.id, message.context)
        if known is None or not known.string or not all(_texts(known.string)):
            faults.append(f"not translated: {message.id!r}")
        elif known.fuzzy:
            faults.append(f"fuzzy: {message.id!r}")
        elif not _same_places(known.id, known.string):
            faults.append(f"other places to fill: {message.id!r}")
    faults += [
        f"said nowhere: {message.id!r}"
        for message in catalog
        if message.id and said.get(message.id, message.context) is None
    ]
    return faults


def _texts(text: Any) -> tuple[str, ...]:
    return text if isinstance(text, tuple) else (text,)


def _same_places(message: Any, translation: Any) -> bool:
    """Whether each translation has the places of the message: all, for nothing may be lost, and
    none that are not filled.
    """
    asked = set[str]().union(*map(_places, _texts(message)))
    return all(_places(text) == asked for text in _texts(translation))


def _places(text: str) -> set[str]:
    from string import Formatter

    return {name for _text, name, _form, _how in Formatter().parse(text) if name is not None}


def update() -> None:
    """Write the catalogues anew: with every message, translated or not, and compiled."""
    said = messages()
    for path in catalogues():
        catalog = read_catalogue(path)
        catalog.update(said, no_fuzzy_matching=True, update_creation_date=False)
        catalog.obsolete.clear()
        with written_whole(path) as part, part.open("wb") as file:
            write_po(file, catalog, width=100, include_lineno=False, sort_by_file=True)
        with written_whole(path.with_suffix(".mo")) as part, part.open("wb") as file:
            write_mo(file, read_catalogue(path))


if __name__ == "__main__":
    update()
