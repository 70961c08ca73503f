"""A bank may lie in a folder of any name; names are taken literally from the source to the page."""

from analysis.cli import app
from tests.conftest import SmallBank
from tests.runs.command import call, told


def test_reports_are_made_and_replayed_in_a_folder_named_like_a_pattern(tmp_path):
    SmallBank(tmp_path / "it's 1 x").bank()  # which a pattern would find as well
    small = SmallBank(tmp_path / "it's [12] *?")
    small.params |= {"data": "data [a]", "outputs": "pages *", "source": {"folder": "source"}}
    bank = small.bank()
    words = ["--report", "segmentation", "--branch", "B1"]
    result = call(app, "run", str(bank.path), *words)
    assert result.exit_code == 0, told(result)
    folder = small.folder / "pages *" / "2024Q2"
    assert (folder / "B1" / "segmentation.html").stat().st_size > 10_000
    replayed = call(app, "verify", str(folder))
    assert replayed.exit_code == 0, told(replayed)
    assert "1 reports done, 0 failed" in told(result)
    assert "0 reports done, 0 failed, 1 were up to date" in told(
        call(app, "run", str(bank.path), *words)
    )
