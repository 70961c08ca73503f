"""What the manifest keeps of a report."""

from analysis.runs.manifest import Entry, Manifest


def test_a_report_is_kept_by_the_journal_before_the_manifest_is_written(tmp_path):
    entry = Entry(report="loyalty", branch="B1", branch_name="Main", status="done")
    Manifest(tmp_path).done(entry)
    assert Manifest(tmp_path).reports["B1", "loyalty"] == entry
    manifest = Manifest(tmp_path)
    manifest.write()
    assert not (tmp_path / "journal.jsonl").exists()
    assert Manifest(tmp_path).reports["B1", "loyalty"] == entry
