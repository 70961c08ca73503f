"""Which cells of a notebook stand where: on the page for management, on the page of evidence
behind it, or on the whole bank's page of evidence only.

A cell says so with a tag; a section's heading says it for all cells up to the next heading.
"""

from nbformat import NotebookNode

#: For management: what changed, why, what to do. What has no tag belongs here.
PAGE = "page"
#: For whoever checks it: methods, measurement, diagnostics, tables behind the charts.
EVIDENCE = "evidence"
#: The same, and the same in every branch: made and shown once, for the whole bank.
BANK = "bank"


def places(notebook: NotebookNode) -> list[str]:
    """Where each cell stands: PAGE, EVIDENCE or BANK."""
    placed, section = [], PAGE
    for cell in notebook.cells:
        tags = {PAGE, EVIDENCE, BANK} & set(cell.metadata.get("tags", []))
        if cell.cell_type == "markdown" and cell.source.lstrip().startswith("## "):
            section = next(iter(tags), PAGE)
        placed.append(next(iter(tags), section))
    return placed


def without_bank(notebook: NotebookNode) -> NotebookNode:
    """The notebook as a branch has it: without what is the same in all; changed in place."""
    placed = zip(notebook.cells, places(notebook), strict=True)
    notebook.cells = [cell for cell, place in placed if place != BANK]
    return notebook
