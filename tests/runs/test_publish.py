"""A folder for each audience has what it may have, and no link to anything else."""

import os
import re
from pathlib import PurePosixPath

import pytest

from analysis.errors import ParametersError, WorkbookError
from analysis.runs.publish import publish, without_other_links
from tests.runs.made_up import brief, quarter


@pytest.fixture
def delivered(tmp_path):
    """Two branches of the north, one of the south, and the bank; each with pages, evidence, lists
    and notebooks.
    """
    folder = tmp_path / "outputs" / "2024Q4"
    told = {
        (b, r): brief(1, 2, 3) for b in ("ALL", "B1", "B2", "B3") for r in ("retention", "cards")
    }
    manifest = quarter(folder, told, {"B1": "North", "B2": "North", "B3": "South"})
    for branch in ("ALL", "B1", "B2", "B3"):
        place = folder / branch
        (place / "index.html").write_text('<a href="../index.html">up</a>')
        (place / "lists.xlsx").write_text("")
        for report in ("retention", "cards"):
            (place / f"{report}.evidence.html").write_text(f'<a href="{report}.html">page</a>')
            (place / f"{report}.ipynb").write_text("{}")
            (cases := place / "tables" / report / "cases").mkdir(parents=True)
            (cases / "RC-1.html").write_text("case")
            for ending in ("csv", "parquet"):
                (place / "tables" / report / f"l.{ending}").write_text("")
    for name in ("index.html", "summary.html", "sign-off.json"):
        (folder / name).write_text("")
    return manifest


def published(manifest, audience, branches=(), region=""):
    target = manifest.folder.parents[1] / "out"
    publish(manifest, audience, target, list(branches), region)
    return target, {f.relative_to(target).as_posix() for f in target.rglob("*") if f.is_file()}


def dangling(target, files):
    """Links of the pages to files that are not there."""
    found = set()
    for file in (f for f in files if f.endswith(".html")):
        for href in re.findall(r'<a [^>]*href="([^"#]+)', (target / file).read_text()):
            if not (target / PurePosixPath(file).parent / href).resolve().exists():
                found.add((file, href))
    return found


def test_a_branch_gets_its_own_pages_and_lists_and_nothing_else(delivered):
    target, files = published(delivered, "branch", ["B1"])
    assert files == {
        "index.html",
        "B1/index.html",
        "B1/lists.xlsx",
        *(f"B1/{r}.html" for r in ("retention", "cards")),
        *(f"B1/tables/{r}/l.csv" for r in ("retention", "cards")),
        *(f"B1/tables/{r}/cases/RC-1.html" for r in ("retention", "cards")),
    }
    assert dangling(target, files) == set()
    page = (target / "B1" / "retention.html").read_text()
    assert 'href="../index.html"' in page and 'href="tables/retention/l.csv"' in page
    assert "ALL" not in page and "why" in page  # the text of a link stays
    assert "Branch B2" not in page and "beside" not in page
    index = (target / "index.html").read_text()
    assert (
        "Branch B1" in index
        and "Branch B2" not in index
        and "manifest.json" not in re.findall(r'href="([^"]+)"', index)
    )


def test_a_region_gets_its_branches(delivered):
    target, files = published(delivered, "region", region="North")
    assert {f.split("/")[0] for f in files} == {"index.html", "B1", "B2"}
    assert not any("evidence" in f or f.endswith((".ipynb", ".parquet")) for f in files)
    assert dangling(target, files) == set()


def test_the_head_office_gets_no_lists_of_branches_and_no_notebooks(delivered):
    target, files = published(delivered, "head-office")
    assert "ALL/retention.evidence.html" in files and "ALL/tables/retention/l.csv" in files
    assert "B1/retention.html" in files and "B1/retention.evidence.html" not in files
    assert not any(f.startswith("B") and ("tables" in f or f.endswith(".xlsx")) for f in files)
    assert not any(f.endswith((".ipynb", ".parquet", ".json")) for f in files)
    assert dangling(target, files) == set()


def test_a_reviewer_gets_everything(delivered):
    _target, files = published(delivered, "reviewer")
    there = {
        f.relative_to(delivered.folder).as_posix()
        for f in delivered.folder.rglob("*")
        if f.is_file()
    }
    assert files == there


@pytest.mark.parametrize(
    ("audience", "branches", "region", "said"),
    [
        ("brnch", [], "", "The audience 'brnch' does not exist. Valid: branch"),
        ("branch", [], "", "Name the branch with --branch"),
        ("branch", ["B1", "B2"], "", "Name the branch with --branch"),
        ("branch", ["B9"], "", "The branch 'B9' does not exist. Valid: B1"),
        ("region", [], "", "Name the region with --region"),
        ("region", [], "Nord", "The region 'Nord' does not exist. Valid: North"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(
    delivered, audience, branches, region, said
):
    with pytest.raises(ParametersError, match=re.escape(said)):
        publish(delivered, audience, delivered.folder.parents[1] / "out", branches, region)
    assert not (delivered.folder.parents[1] / "out").exists()


def test_a_folder_that_is_there_is_not_written_into(delivered, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").write_text("")
    with pytest.raises(WorkbookError, match="is there already"):
        publish(delivered, "reviewer", tmp_path / "full", [], "")


def test_a_reviewers_pages_are_those_that_were_delivered(delivered):
    target, files = published(delivered, "reviewer")
    assert all((target / f).read_bytes() == (delivered.folder / f).read_bytes() for f in files)


def test_nothing_is_published_among_the_outputs(delivered):
    for place in (delivered.folder / "inner", delivered.folder.parent / "for_branch"):
        with pytest.raises(WorkbookError, match="lies among the outputs"):
            publish(delivered, "reviewer", place, [], "")
        assert not place.exists()


def test_branches_are_not_named_for_whom_gets_all(delivered):
    with pytest.raises(ParametersError, match="gets every branch"):
        publish(delivered, "head-office", delivered.folder.parents[1] / "out", ["B1"], "")


def test_a_pdf_older_than_its_page_stays(delivered):
    page = delivered.folder / "B1" / "retention.html"
    for name, age in (("retention", 100), ("cards", -100)):
        pdf = delivered.folder / "B1" / f"{name}.pdf"
        pdf.write_text("")
        os.utime(pdf, (page.stat().st_mtime - age,) * 2)
    _target, files = published(delivered, "branch", ["B1"])
    assert "B1/cards.pdf" in files and "B1/retention.pdf" not in files


def test_a_link_out_of_the_folder_becomes_its_text():
    there = {"index.html", "B1/a.html"}
    page = (
        '<a href="../index.html">up</a> <a class="x" href="../ALL/a.html">bank</a> '
        '<a href="../../other/a.html">out</a> <a href="a.html#s">here</a> <a href="#s">section</a>'
    )
    assert without_other_links(page, PurePosixPath("B1/a.html"), there) == (
        '<a href="../index.html">up</a> bank out <a href="a.html#s">here</a> '
        '<a href="#s">section</a>'
    )
