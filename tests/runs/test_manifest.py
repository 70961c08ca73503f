"""What the manifest keeps of a report."""

from analysis.runs.manifest import Entry, Manifest


def test_headlines_keep_the_order_in_which_the_report_gave_them(tmp_path):
    figures = {"Score": "60.7", "Answers": "312"}
    manifest = Manifest(tmp_path)
    manifest.done(
        Entry(report="loyalty", branch="B1", branch_name="Main", status="done", headlines=figures)
    )
    manifest.write()
    again = Manifest(tmp_path).reports["B1", "loyalty"]
    assert list(again.headlines.items()) == list(figures.items())
