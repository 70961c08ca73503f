"""A folder for each audience: of a quarter's files those that it may have, and no link to
another.
"""

import html
import re
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from analysis.errors import ParametersError, WorkbookError, not_one_of
from analysis.language import say
from analysis.partition import ALL
from analysis.runs.index import index_page
from analysis.runs.manifest import Manifest
from analysis.storage import write_text

LINK = re.compile(r'<a\b[^>]*?href="([^"#:]*)(#[^"]*)?"[^>]*>(.*?)</a>', re.DOTALL)
INDEX = "index.html"


@dataclass(frozen=True)
class Audience:
    """Who reads it, and what of a quarter it gets."""

    name: str
    takes: Callable[[PurePosixPath, set[str]], bool]  # a file, and the branches asked for
    by_branch: bool  # whether branches or a region have to be named


def _page(file: PurePosixPath) -> bool:
    """Whether a file is a page for management."""
    return file.suffix in (".html", ".pdf") and ".evidence" not in file.name


def _list(file: PurePosixPath) -> bool:
    """Whether a file is a list for staff, or a case to print."""
    return file.suffix in (".csv", ".xlsx") or "cases" in file.parts


def _of(branches: set[str], file: PurePosixPath) -> bool:
    return len(file.parts) > 1 and file.parts[0] in branches


AUDIENCES = {
    audience.name: audience
    for audience in (
        Audience(
            "branch",
            lambda file, branches: _of(branches, file) and (_page(file) or _list(file)),
            by_branch=True,
        ),
        Audience(
            "region",
            lambda file, branches: _of(branches, file) and (_page(file) or _list(file)),
            by_branch=True,
        ),
        Audience(
            "head-office",
            lambda file, branches: (
                (_of({ALL}, file) and file.suffix not in (".ipynb", ".parquet", ".json"))
                or (_page(file) and "tables" not in file.parts)
                or str(file) == "summary.html"
            ),
            by_branch=False,
        ),
        Audience(
            "reviewer",
            lambda file, branches: True,
            by_branch=False,
        ),
    )
}


def publish(
    manifest: Manifest, audience: str, target: Path, branches: list[str], region: str
) -> tuple[int, Path]:
    """Write what an audience may have of a quarter into a new folder, in each of its languages; how
    many files, and the page to open.

    Links to what is not among them become plain text, but for reviewers, who compare what was
    delivered; the index lists the branches there are.
    Raises ParametersError naming the valid audiences, branches and regions, and WorkbookError where
    the folder is there already and not empty.
    """
    if audience not in AUDIENCES:
        raise ParametersError(not_one_of(say("The audience"), audience, AUDIENCES))
    chosen = _branches(manifest, AUDIENCES[audience], branches, region)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise WorkbookError(
            say("{target} is there already; publish into a folder that is not.").format(
                target=target
            )
        )
    outputs = manifest.folder.resolve().parent
    if outputs in (target.resolve(), *target.resolve().parents):
        raise WorkbookError(
            say("{target} lies among the outputs, {outputs}; publish elsewhere.").format(
                target=target, outputs=outputs
            )
        )
    folders = _folders(manifest)
    files = {
        folder: [f for f in _files(folder) if AUDIENCES[audience].takes(f, chosen)]
        for folder in folders
    }
    if not files[folders[0]]:
        raise WorkbookError(
            say("{folder} holds nothing for this audience.").format(folder=manifest.folder)
        )
    there = {f"{folder.name}/{f}" for folder in folders for f in [*files[folder], INDEX]}
    for folder in folders:
        # of several languages each has a folder, named as in the outputs, so that links hold
        place = target / folder.name if len(folders) > 1 else target
        for file in files[folder]:
            (place / file).parent.mkdir(parents=True, exist_ok=True)
            if file.suffix == ".html" and audience != "reviewer":
                text = (folder / file).read_text(encoding="utf-8")
                write_text(place / file, without_other_links(text, folder.name / file, there))
            else:
                shutil.copyfile(folder / file, place / file)
        if INDEX not in {str(f) for f in files[folder]}:
            shown = Manifest(folder)
            shown.reports = {n: e for n, e in shown.reports.items() if e.branch in chosen}
            index = PurePosixPath(folder.name) / INDEX
            write_text(place / INDEX, without_other_links(index_page(shown), index, there))
    return len(there), (target / folders[0].name if len(folders) > 1 else target) / INDEX


def _folders(manifest: Manifest) -> list[Path]:
    """The quarter's folder, and those beside it with its pages in other languages."""
    folder = manifest.folder.resolve()
    beside = {name: folder.parent / place for name, place in manifest.about.others.items()}
    there = {n: place for n, place in beside.items() if (place / "manifest.json").exists()}
    # one that is of another language now was left by an earlier run
    return [folder, *[p for n, p in there.items() if Manifest(p).about.language == n]]


def _branches(manifest: Manifest, audience: Audience, branches: list[str], region: str) -> set[str]:
    """The branches asked for, by name or region; all where none are asked for."""
    there = sorted({e.branch for e in manifest.entries()} - {ALL})
    for branch in branches:
        if branch not in there:
            raise ParametersError(not_one_of(say("The branch"), branch, there))
    if not audience.by_branch and (branches or region):
        raise ParametersError(
            say(
                "The audience {audience} gets every branch; --branch and --region are not for it."
            ).format(audience=audience.name)
        )
    regions = manifest.about.regions
    if region and region not in regions.values():
        raise ParametersError(not_one_of(say("The region"), region, sorted(set(regions.values()))))
    of_region = [b for b in there if regions.get(b) == region] if region else []
    if audience.name == "branch" and len(branches) != 1:
        raise ParametersError(say("Name the branch with --branch; one folder is one branch's."))
    if audience.name == "region" and not (branches or region):
        raise ParametersError(say("Name the region with --region, or its branches with --branch."))
    return set(branches) | set(of_region) if audience.by_branch else set(there)


def _files(folder: Path) -> Iterable[PurePosixPath]:
    """The files of a quarter, seen from its folder."""
    return sorted(
        PurePosixPath(f.relative_to(folder).as_posix())
        for f in folder.rglob("*")
        if f.is_file()
        and not any(part.startswith(".") for part in f.relative_to(folder).parts)
        and not is_outdated(f)
    )


def without_other_links(page: str, file: PurePosixPath, there: set[str]) -> str:
    """A page whose links to files that are not there are plain text; those to the branches and
    quarters beside it go with theirs.

    file: where the page lies. there: the files there are, seen from the same folder: the one that
    holds the quarter's.
    """

    def kept(link: re.Match[str]) -> str:
        target = html.unescape(link[1])
        if not target or _resolved(file.parent, target) in there:
            return link[0]
        return "" if link[0].startswith('<a class="beside"') else link[3]

    return LINK.sub(kept, page)


def _resolved(folder: PurePosixPath, target: str) -> str:
    """Where a link leads, seen from the folder that holds the quarter's; empty where out of it."""
    parts = list(folder.parts)
    for part in PurePosixPath(target).parts:
        if part == "..":
            if not parts:
                return ""
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts)


def is_outdated(file: Path) -> bool:
    """Whether a PDF is older than the page it was printed from."""
    page = file.with_suffix(".html")
    return file.suffix == ".pdf" and page.exists() and file.stat().st_mtime < page.stat().st_mtime
