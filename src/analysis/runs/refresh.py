"""Execute the notebooks as they are committed: with outputs, without times. Called by `make
notebooks`.
"""

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from analysis.storage import write_text


def refresh(path: Path) -> None:
    """Execute one notebook in its own folder and write it back whole."""
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # times of an earlier execution
    NotebookClient(
        notebook,
        kernel_name="workbook",
        resources={"metadata": {"path": str(path.parent)}},
        record_timing=False,
    ).execute()
    write_text(path, nbformat.writes(notebook) + "\n")


if __name__ == "__main__":
    for notebook_path in sorted(Path(sys.argv[1]).glob("*.ipynb")):
        print(notebook_path)
        refresh(notebook_path)
