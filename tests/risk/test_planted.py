"""On the demo bank: every planted case is found and no look-alike, the lists are complete, an
application is screened.
"""

import json
import shutil

import ibis
import pandas as pd
import pytest

from analysis.cli import app
from analysis.demo.bank import make_bank
from analysis.quarters import Quarter
from analysis.risk.cases import Window
from analysis.risk.detectors import DETECTORS
from analysis.risk.kinds import KINDS
from analysis.risk.thresholds import loosest
from analysis.sources.params import read_params
from analysis.tables import Tables
from tests.conftest import left_out
from tests.runs.command import call, told

LAST = Quarter.parse("2024Q4")


def truth(folder, kind):
    return [
        t for t in json.loads((folder / "truth" / "cases.json").read_text()) if t["kind"] == kind
    ]


@pytest.fixture(scope="module")
def whole(ready_demo):
    return Tables(read_params(ready_demo), "ALL", LAST)


@pytest.mark.parametrize("kind", KINDS)
def test_every_planted_case_is_found_and_no_look_alike(whole, kind):
    planted = truth(whole.bank.place(whole.bank.source.folder), kind)
    assert sum(t["is_case"] for t in planted) >= 6 and sum(not t["is_case"] for t in planted) >= 5
    cases = {t["variant"]: set(t["parties"]) for t in planted if t["is_case"]}
    anchors = [set(a.split(" ")) for a in whole.alerts.loc[whole.alerts["kind"] == kind, "anchors"]]
    assert [v for v, parties in cases.items() if not any(parties & a for a in anchors)] == []
    assert [a for a in anchors if not any(parties & a for parties in cases.values())] == []


def test_pending_applications_at_the_site_of_a_case_are_held(whole):
    planted = truth(whole.bank.place(whole.bank.source.folder), "risk_mortgage")
    sites = {c for p in planted if p["is_case"] for c in p["compounds"]}
    waiting = pd.read_parquet(whole.bank.data_folder / "contract" / "loan_applications.parquet")
    waiting = waiting[(waiting["status"] == "pending") & waiting["compound"].isin(sites)]
    assert len(waiting) > 5 and set(waiting["application_id"]) <= set(whole.holds["application_id"])


def test_the_list_of_holds_and_the_screening_command_say_the_same(whole, ready_demo):
    from analysis.risk.screening import screen
    from analysis.sources.land import embedded_engine

    waiting = pd.read_parquet(whole.bank.data_folder / "contract" / "loan_applications.parquet")
    waiting = sorted(
        waiting.loc[
            (waiting["status"] == "pending") & (waiting["purpose"] == "mortgage"), "application_id"
        ]
    )
    held = whole.holds.groupby("application_id")["alert_id"].apply(set).to_dict()
    assert 0 < len(held) < len(waiting)
    with embedded_engine(whole.bank) as con:
        for application in [*sorted(held)[:5], *[w for w in waiting if w not in held][:5]]:
            assert set(screen(whole.bank, con, application).alerts) == held.get(application, set())


def test_evidence_proves_every_reason_and_names_rows_that_are_there(whole):
    alerts, evidence = whole.alerts, whole.evidence
    for row in alerts.itertuples():
        mine = evidence[evidence["alert_id"] == row.alert_id]
        assert set(mine["reason"]) == set(row.reasons.split(" "))
    ids = set(
        pd.read_parquet(
            whole.bank.data_folder / "contract" / "transactions", columns=["transaction_id"]
        )["transaction_id"]
    )
    assert set(evidence.loc[evidence["source"] == "transactions", "evidence_id"]) <= ids
    assert not {"memo", "counterparty_name", "name", "phone", "address"} & {
        *alerts.columns,
        *evidence.columns,
        *whole.parties.columns,
    }


def test_an_alert_keeps_its_identifier_and_one_cleared_comes_back_only_with_new_evidence(whole):
    before = Tables(whole.bank, "ALL", LAST.previous).alerts
    now = whole.alerts.set_index("alert_id")
    both = set(before["alert_id"]) & set(now.index)
    assert len(both) >= 15 and (now.loc[sorted(both), "first_seen"] < str(LAST)).all()
    cleared = now[now["decided_on"].notna() & ~now["status"].eq("confirmed")]
    assert cleared.loc[
        cleared["kind"] == "risk_acceptance", "suppressed"
    ].all()  # four more bills, no new reason
    assert not cleared.loc[
        cleared["kind"] == "risk_card_cashout", "suppressed"
    ].any()  # more than doubled since
    assert (now["status"] == "confirmed").sum() >= 4


def test_a_branch_sees_the_cases_with_a_party_there_and_every_alert_is_seen_somewhere(whole):
    seen = set()
    for branch in whole.branches["branch_id"]:
        mine = Tables(whole.bank, branch, LAST)
        seen |= set(mine.alerts["alert_id"])
        assert (
            set(mine.evidence["alert_id"])
            == set(mine.alerts["alert_id"])
            == set(mine.parties["alert_id"])
        )
        assert all(
            branch in {*b.split(" "), m}
            for b, m in zip(mine.alerts["branches"], mine.alerts["branch_id"], strict=True)
        )
    assert seen == set(whole.alerts["alert_id"])


def test_an_application_is_screened_and_a_wrong_one_names_those_there_are(whole, ready_demo):
    held = whole.holds.iloc[0]
    result = call(app, "screen", str(ready_demo), "--application", held["application_id"])
    assert (
        result.exit_code == 0
        and "confirm at once and stop" in told(result)
        and held["alert_id"] in told(result)
    )
    waiting = pd.read_parquet(whole.bank.data_folder / "contract" / "loan_applications.parquet")
    free = waiting[
        (waiting["status"] == "pending")
        & ~waiting["application_id"].isin(whole.holds["application_id"])
    ]
    result = call(
        app, "screen", str(ready_demo), "--application", free["application_id"].iloc[0], "--json"
    )
    assert json.loads(result.output)["verdict"] == "nothing known against it"
    result = call(app, "screen", str(ready_demo), "--application", "P00")
    assert result.exit_code == 1 and "'P00' does not exist. Valid: P0" in told(result)


@pytest.mark.parametrize("seed", [11, 12])
def test_every_planted_case_is_found_and_no_look_alike_on_other_seeds(tmp_path, seed):
    from benchmarks.risk import RISK, judged, tables_of

    make_bank(tmp_path / "bank", 2500, seed)
    tables = tables_of(tmp_path / "bank")
    for name, kind in KINDS.items():
        limits = getattr(RISK, kind.settings)
        gathered = DETECTORS[name].candidates(
            tables, Window.of_quarters(LAST, kind.quarters), loosest(limits)
        )
        result = judged(DETECTORS[name].cases(gathered, limits), truth(tmp_path / "bank", name))
        assert (result["missed"], result["false"]) == ([], []), name


def test_spark_finds_the_same_as_duckdb(tmp_path):
    if not shutil.which("java"):
        left_out("Java", "Install a Java runtime, 17 or newer.")
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        left_out(
            "Spark",
            "Install it with: .venv/bin/python -m pip install -c constraints.txt -e '.[spark]'",
        )
    from benchmarks.risk import RISK, tables_of

    make_bank(tmp_path / "bank", 1500, 3)
    here = tables_of(tmp_path / "bank")
    session = (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", "2")
        .config("spark.driver.memory", "2g")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.warehouse.dir", str(tmp_path / "warehouse"))
        .getOrCreate()
    )
    try:
        there = spark_tables(ibis.pyspark.connect(session), here, tmp_path / "copy")
        for name, kind in KINDS.items():
            limits, window = getattr(RISK, kind.settings), Window.of_quarters(LAST, kind.quarters)
            ours, theirs = (
                DETECTORS[name].cases(
                    DETECTORS[name].candidates(t, window, loosest(limits)), limits
                )
                for t in (here, there)
            )
            assert len(ours) >= 6
            for one, other in zip(ours, theirs, strict=True):
                assert (one.anchors, one.roles, one.amount, one.about, one.facts) == (
                    other.anchors,
                    other.roles,
                    other.amount,
                    other.about,
                    other.facts,
                )
                assert {r: p.rows["evidence_id"].tolist() for r, p in one.reasons.items()} == {
                    r: p.rows["evidence_id"].tolist() for r, p in other.reasons.items()
                }
    finally:
        session.stop()


def spark_tables(con, tables, folder):
    """The same rows, read by Spark."""
    found = {}
    for name, rows in tables.items():
        (folder / name).mkdir(parents=True)
        rows.to_parquet(folder / name / "rows.parquet")
        found[name] = con.read_parquet(str(folder / name / "rows.parquet"))
    return found


def test_the_benchmark_judges_by_case_and_names_what_it_missed():
    from benchmarks.risk import judged

    from analysis.risk.cases import Case

    planted = [
        {"is_case": True, "variant": "a", "parties": ["C1", "C2"]},
        {"is_case": True, "variant": "b", "parties": ["C3"]},
        {"is_case": False, "variant": "c", "parties": ["C4"]},
    ]
    cases = [Case(["C2"], {}, {}, 1.0), Case(["C4"], {}, {}, 1.0), Case(["C9"], {}, {}, 1.0)]
    assert judged(cases, planted) == {
        "planted": 2,
        "found": 1,
        "alerts": 3,
        "false": ["c", "nothing planted"],
        "missed": ["b"],
    }
