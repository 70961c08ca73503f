"""Compiles the catalogues of other languages when the package is installed."""

from pathlib import Path
from typing import Any

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CompileCatalogues(BuildHookInterface):
    """`src/analysis/locale/*/LC_MESSAGES/*.po` to `.mo` beside them."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        for source in sorted(Path(self.root, "src/analysis/locale").rglob("*.po")):
            with source.open("rb") as file:
                catalogue = read_po(file, locale=source.parents[1].name, domain=source.stem)
            with source.with_suffix(".mo").open("wb") as file:
                write_mo(file, catalogue)
