"""Other thresholds: tried together they give what each gives when it is decided alone; and what is
gathered for them can be stored in between.
"""

from functools import partial

import pandas as pd
import pytest

from analysis.demo.bank import make_bank
from analysis.quarters import Quarter
from analysis.risk.cases import Window
from analysis.risk.detectors import DETECTORS, SIGNALS
from analysis.risk.kinds import KINDS
from analysis.risk.known import identified
from analysis.risk.reuse import reusing
from analysis.risk.thresholds import FACTORS, loosest, scaled, thresholds, tried


@pytest.fixture(scope="module")
def gathered(tmp_path_factory):
    """Kind to its candidates at a small demo bank."""
    from benchmarks.risk import RISK, tables_of

    place = tmp_path_factory.mktemp("small") / "bank"
    make_bank(place, 1500, 3)
    tables = tables_of(place)
    last = Quarter.parse("2024Q4")
    return {
        name: DETECTORS[name].candidates(
            tables,
            Window.of_quarters(last, kind.quarters),
            loosest(getattr(RISK, kind.settings)),
        )
        for name, kind in KINDS.items()
    }


def settings_of(kind):
    from benchmarks.risk import RISK

    return getattr(RISK, KINDS[kind].settings)


def contents(alerts):
    """All that the cases say, in order, but for their evidence."""
    return [
        (name, c.anchors, list(c.roles.items()), c.amount, c.about, c.facts, list(c.reasons))
        for name, c in alerts
    ]


def evidence(cases):
    """The rows that prove each reason of each case."""
    return [{reason: proof.rows.to_csv() for reason, proof in c.reasons.items()} for c in cases]


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_thresholds_tried_together_give_what_each_gives_from_scratch(gathered, kind):
    decide, settings = partial(DETECTORS[kind].cases, gathered[kind]), settings_of(kind)
    today, trials = tried(kind, decide, settings, {})
    assert contents(today.items()) == contents(identified(kind, decide(settings), {})) != []
    alone = {
        (name, float(getattr(other, name))): other
        for name in thresholds(settings)
        for other in (scaled(settings, name, factor) for factor in FACTORS)
    }
    assert [(t.threshold, t.value) for t in trials] == list(alone)
    assert {t.threshold for t in trials[::3]} == {t.threshold for t in trials}
    for trial in trials[::3]:  # each threshold is among them
        scratch = identified(kind, decide(alone[trial.threshold, trial.value]), {})
        assert contents(trial.cases.items()) == contents(scratch), (trial.threshold, trial.value)


@pytest.mark.parametrize("kind", KINDS)
def test_evidence_is_that_of_the_setting_whatever_was_tried_before(gathered, kind):
    decide, settings = partial(DETECTORS[kind].cases, gathered[kind]), settings_of(kind)
    with reusing():
        decide(settings)
        after_others = evidence(decide(loosest(settings)))
    assert after_others == evidence(decide(loosest(settings)))


@pytest.mark.parametrize("kind", KINDS)
def test_candidates_have_the_columns_that_are_declared(gathered, kind):
    columns = {name: list(rows.columns) for name, rows in gathered[kind].items()}
    assert columns == {name: list(c) for name, c in DETECTORS[kind].CANDIDATES.items()}


@pytest.mark.parametrize("kind", KINDS)
def test_candidates_that_were_stored_give_the_same_cases(gathered, kind, tmp_path):
    for name, rows in gathered[kind].items():
        rows.to_parquet(tmp_path / f"{name}.parquet", index=False)
    stored = {name: pd.read_parquet(tmp_path / f"{name}.parquet") for name in gathered[kind]}
    cases = DETECTORS[kind].cases
    here, there = (cases(rows, settings_of(kind)) for rows in (gathered[kind], stored))
    assert contents(enumerate(here)) == contents(enumerate(there)) != []
    assert evidence(here) == evidence(there)


@pytest.mark.parametrize("kind", KINDS)
def test_every_signal_has_a_code_of_its_own_and_they_stand_by_weight(kind):
    signals = SIGNALS[kind]
    assert len({s.code for s in signals}) == len(signals)
    assert [s.points for s in signals] == sorted((s.points for s in signals), reverse=True)
    assert [s.find.__name__ for s in signals] == [s.code for s in signals]
