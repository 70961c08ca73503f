import ibis
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score

from analysis.prepare import prepare
from analysis.quarters import Quarter
from analysis.segmentation import naming, quality
from analysis.segmentation.drift import type_drift
from analysis.segmentation.features import LeftOut, describe, matrix
from analysis.segmentation.fitted import FittedSegmentation, Versions
from analysis.segmentation.methods import METHODS, ONLY_COMPARED
from analysis.segmentation.model import fit_segmentation, labels_by
from analysis.segmentation.scoring import DORMANT, segment_expression
from analysis.sources.params import Plan, Segmentation, read_params
from analysis.statistics.intervals import stability_index
from analysis.steps.readings import mart_files, model_reading
from analysis.steps.working import read_model_file
from analysis.tables import Tables
from tests.conftest import prepared_demo

LAST = Quarter.parse("2024Q4")
COLUMNS = {
    "balance_end": 1000.0,
    "money_in": 100.0,
    "assets_trend": 0.1,
    "credit_grade": 5,
    "credit_utilisation": 0.1,
    "instalments_missed": 0,
    "recency_days": 5,
    "transactions": 20,
    "active_weeks": 8,
    "counterparties": 6,
    "cash_share": 0.1,
    "evening_share": 0.2,
    "month_start_share": 0.3,
    "products_held": 2,
    "channel_branch": 2,
    "channel_atm": 2,
    "channel_pos": 4,
    "channel_online": 2,
    "channel_mobile": 10,
    "channel_phone": 0,
    "channel_transfer": 0,
}


def people(n, seed=0, noise=0.05, **values):
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            k: np.full(n, v, dtype=float) * rng.lognormal(0, noise, n)
            for k, v in (COLUMNS | values).items()
        }
    )
    channels = [c for c in table if c.startswith("channel_")]
    shares = (
        table[channels]
        .div(table[channels].sum(axis=1), axis=0)
        .rename(columns=lambda c: f"{c[8:]}_share")
    )
    return table.join(shares).assign(
        customer_type="personal", region="East", in_arrears=False, active=True
    )


def numbered(*parts):
    rows = pd.concat(parts, ignore_index=True)
    return rows.assign(
        customer_id=[f"C{i:05d}" for i in rows.index], branch_id="B1", quarter="2024Q4"
    )


def two_kinds():
    busy = people(
        60,
        1,
        balance_end=900_000,
        money_in=90_000,
        transactions=60,
        channel_branch=40,
        channel_mobile=0,
    )
    return numbered(people(100), busy)


def fitted(rows, **settings):
    settings = Segmentation(**({"groups": (2, 5)} | settings))
    return fit_segmentation(rows, settings, "2024Q4").types["personal"]


def test_two_kinds_of_customers_are_found_as_two_groups():
    model = fitted(two_kinds())
    assert [g.customers for g in model.groups] == [100, 60]
    assert {g.stability for g in model.groups} == {"highly stable"}
    assert model.rules.accuracy == 1 and model.chosen == 2


@pytest.mark.parametrize("method", [m for m in METHODS if m != "rfm"])
def test_every_method_that_can_be_put_in_force_finds_them_and_is_stored_as_the_same_kind_of_rule(
    method,
):
    rows = two_kinds()
    model = fitted(rows, method=method, groups=(2, 2))
    assert adjusted_rand_score(rows["money_in"] > 1000, labels_by(model, rows)) == 1
    assert model.agreement == 1
    again = fitted(rows.sample(frac=1, random_state=1), method=method, groups=(2, 2))
    assert again.model_dump_json() == model.model_dump_json()


def test_a_group_that_nobody_is_nearest_to_is_kept_with_no_customers(monkeypatch):
    # three rings around one middle: a method may tell them apart, the nearest centre cannot
    def rings(x, rows, groups, seed):
        return np.arange(len(x)) % 3

    monkeypatch.setitem(METHODS, "k-means", rings)
    model = fitted(numbered(people(240, 2, noise=0.3)), groups=(3, 3))
    assert len(model.groups) == 3 and sum(g.customers for g in model.groups) == 240
    assert model.agreement < 0.7
    monkeypatch.setattr(
        "analysis.segmentation.model.nearest_centre", lambda x, centres: np.zeros(len(x), dtype=int)
    )
    alone = fitted(numbered(people(240, 2, noise=0.3)), groups=(3, 3))
    assert [g.customers for g in alone.groups] == [240, 0, 0]
    assert alone.groups[1].stability == "unstable" and alone.groups[1].silhouette is None


def test_methods_are_compared_on_the_same_customers_and_a_poor_one_is_told_why():
    rows = numbered(people(300, 3, noise=0.4))  # no groups in it
    compared = {m.method: m for m in fitted(rows, groups=(4, 4)).comparison}
    assert set(compared) == set(METHODS) and len({m.customers for m in compared.values()}) == 1
    assert "unstable" in compared["k-means"].fails
    assert {"without_group", "one_group"} & set(compared["hdbscan"].fails) or compared[
        "hdbscan"
    ].groups == 0


def test_the_model_is_readable_json_and_the_same_every_time(demo):
    stored = Tables(demo, "ALL", LAST).segmentation
    rows = pd.concat(
        pd.read_parquet(f)
        for f in mart_files(demo.data_folder, "customer_quarter", demo.segmentation.fit_quarter)
    )
    rows = rows[rows["active"]]
    again = fit_segmentation(rows.sample(frac=1, random_state=3), demo.segmentation, "2024Q1")
    assert FittedSegmentation.model_validate_json(again.model_dump_json()) == stored
    assert (stored.version, stored.fit_quarter) == (1, "2024Q1")


def test_the_engine_gives_the_group_that_numpy_gives(demo):
    model = Tables(demo, "ALL", LAST).segmentation.types
    customers = Tables(demo, "ALL", LAST).customers
    for kind, part in model.items():
        rows = customers[(customers["customer_type"] == kind) & (customers["segment"] != DORMANT)]
        names = np.array([g.name for g in part.groups])
        assert (rows["segment"].to_numpy() == names[labels_by(part, rows)]).all()


def test_a_million_customers_get_the_same_groups_from_the_engine_and_from_numpy(demo):
    model = {"personal": Tables(demo, "ALL", LAST).segmentation.types["personal"]}
    source = pd.concat(
        pd.read_parquet(f) for f in mart_files(demo.data_folder, "customer_quarter", LAST)
    )
    source = source[source["active"] & (source["customer_type"] == "personal")]
    rng = np.random.default_rng(5)
    rows = source.sample(1_000_000, replace=True, random_state=5).reset_index(drop=True)
    rows["customer_id"] = np.arange(len(rows)).astype(str)
    for column in (
        "balance_end",
        "money_in",
        "transactions",
        "counterparties",
        "recency_days",
        "channel_mobile",
    ):
        rows[column] = (rows[column].astype(float) * rng.lognormal(0, 1, len(rows))).round(2)
    rows.loc[rng.random(len(rows)) < 0.05, "credit_grade"] = np.nan
    rows.loc[rng.random(len(rows)) < 0.05, "evening_share"] = np.nan
    con = ibis.duckdb.connect()
    con.create_table("customers", rows)
    scored = con.to_pandas(segment_expression(con.table("customers"), model))
    by_engine = scored.set_index("customer_id")["segment"].reindex(rows["customer_id"]).to_numpy()
    names = np.array([g.name for g in model["personal"].groups])
    assert (by_engine == names[labels_by(model["personal"], rows)]).all()
    assert pd.Series(by_engine).nunique() == len(names)


def test_the_planted_groups_are_recovered(ready_demo):
    bank = read_params(ready_demo)
    customers = Tables(bank, "ALL", LAST).customers
    truth = pd.read_parquet(bank.place(bank.source.folder) / "truth" / "segments")
    both = customers[customers["segment"] != DORMANT].merge(truth, on="customer_id")
    assert adjusted_rand_score(both["planted"], both["segment"]) >= 0.8


@pytest.mark.parametrize("quarter", ["2024Q4"])
def test_a_customer_without_own_entries_is_dormant(demo, quarter):
    customers = Tables(demo, "ALL", Quarter.parse(quarter)).customers
    assert ((customers["segment"] == DORMANT) == ~customers["active"].astype(bool)).all()
    assert 0 < (customers["segment"] == DORMANT).sum() < len(customers) / 3


# bad input


def test_too_few_customers_are_not_divided():
    assert [g.customers for g in fitted(numbered(people(12)), groups=(3, 8)).groups] == [12]


def test_customers_who_are_all_alike_form_one_group():
    model = fitted(numbered(people(200, noise=0.0)))
    assert [g.customers for g in model.groups] == [200] and model.chosen is None
    assert {f.why for f in model.left_out} == {"constant"}


def test_a_state_that_few_are_in_makes_no_group():
    """Who have drawn their limit and are otherwise like all others: one in ten counts, one in
    twenty-five does not.
    """
    rows = two_kinds()
    drawn = (rows.index % 10 == 0).astype(float)
    described, left_out = describe(rows.assign(credit_utilisation=drawn * 0.99), {})
    assert "credit_utilisation" in {f.name for f in described}
    drawn = (rows.index % 25 == 0).astype(float)
    described, left_out = describe(rows.assign(credit_utilisation=drawn), {})
    assert LeftOut(name="credit_utilisation", why="constant") in left_out
    assert "credit_utilisation" not in {f.name for f in described}


def test_a_constant_feature_and_one_that_is_mostly_empty_are_left_out_and_named():
    rows = two_kinds().assign(products_held=3.0)
    rows.loc[rows.index % 10 < 7, "evening_share"] = np.nan
    model = fitted(rows)
    assert LeftOut(name="products_held", why="constant") in model.left_out
    assert LeftOut(name="evening_share", why="missing") in model.left_out
    assert not {"products_held", "evening_share"} & {f.name for f in model.features}


def test_a_feature_missing_for_a_third_takes_the_median_and_says_so():
    rows = two_kinds()
    rows.loc[rows.index % 3 == 0, "credit_grade"] = np.nan
    model = fitted(rows)
    grade = next(f for f in model.features if f.name == "credit_grade")
    assert grade.missing_share == pytest.approx(1 / 3, abs=0.01)
    assert [g.customers for g in model.groups] == [100, 60]


def test_one_customer_with_a_thousand_million_times_the_assets_changes_no_other_group():
    rows = two_kinds()
    before = labels_by(fitted(rows), rows)
    rows.loc[0, ["balance_end", "money_in"]] *= 1e9
    after = labels_by(fitted(rows), rows)
    assert adjusted_rand_score(before[1:], after[1:]) == 1
    assert len(np.unique(after)) == 2


def only_booked_in(small, *months):
    header, *lines = small.tables["transactions"]
    small.tables["transactions"] = [
        header,
        *[line for line in lines if line.split(",")[2].startswith(months)],
    ]


def test_a_quarter_without_transactions_gives_dormant_customers_and_complete_reports(small):
    from analysis.cli import app
    from tests.runs.command import call

    only_booked_in(small, "2024-01", "2024-02", "2024-03")
    bank = small.bank()
    result = call(
        app,
        "run",
        str(bank.path),
        "--quarter",
        "2024Q2",
        "--report",
        "segmentation",
        "--report",
        "customer_changes",
        "--branch",
        "B1",
    )
    assert result.exit_code == 0, result.output
    assert set(Tables(bank, "B1", Quarter.parse("2024Q2")).customers["segment"]) == {DORMANT}
    page = (bank.output_folder / "2024Q2" / "B1" / "customer_changes.html").read_text(
        encoding="utf-8"
    )
    assert "Dormant" in page


def test_a_fit_quarter_without_transactions_gives_a_page_that_says_what_to_choose(small):
    from analysis.cli import app
    from tests.runs.command import call

    only_booked_in(small, "2024-04", "2024-05", "2024-06")
    bank = small.bank()
    result = call(
        app,
        "run",
        str(bank.path),
        "--branch",
        "B1",
        "--report",
        "segmentation",
        "--report",
        "customer_changes",
    )
    assert result.exit_code == 0, result.output
    page = (bank.output_folder / "2024Q2" / "B1" / "segmentation.html").read_text(encoding="utf-8")
    assert "no customer was active in 2024Q1" in page and "segmentation.fit_quarter" in page
    assert set(Tables(bank, "B1", Quarter.parse("2024Q2")).customers["segment"]) == {"Not grouped"}


# features


def test_channels_are_compared_as_a_composition():
    rows = two_kinds()
    features, _ = describe(rows, Segmentation().weights)
    channels = [f for f in features if f.transform == "logratio"]
    assert len({f.sd for f in channels}) == 1  # one scale for all, or the geometry would be bent
    unbounded = [
        f.model_copy(update={"low": -np.inf, "high": np.inf, "mean": 0.0, "sd": 1.0, "weight": 1.0})
        for f in channels
    ]
    assert np.abs(matrix(rows, unbounded).sum(axis=1)).max() < 1e-9
    parts = channels[0].parts

    def seen(counts):
        return matrix(rows.head(1).assign(**dict(zip(parts, counts, strict=True))), unbounded)[0]

    def ratios(shares):
        return np.log(shares) - np.log(shares).mean()

    # who has no entries is taken for the average of all, who has very many for what they are
    assert seen([0.0] * len(parts)) == pytest.approx(ratios(channels[0].priors))
    own = np.arange(1, len(parts) + 1) * 1e7
    assert seen(own) == pytest.approx(ratios(own), abs=1e-5)


def test_every_block_carries_its_weight_whatever_the_number_of_its_features():
    features, _ = describe(two_kinds(), Segmentation().weights)
    total = (
        pd.DataFrame([f.model_dump() for f in features])
        .assign(square=lambda f: f["weight"] ** 2)
        .groupby("block")["square"]
        .sum()
    )
    assert total["channels"] == pytest.approx(2.0) and total["assets"] == pytest.approx(1.0)


def test_an_overdraft_and_a_balance_near_zero_are_neighbours():
    rows = numbered(people(100, balance_end=10_000), people(2, balance_end=1.0)).assign(
        region="East"
    )
    rows.loc[100, "balance_end"], rows.loc[101, "balance_end"] = -50.0, 50.0
    features, _ = describe(rows, Segmentation().weights)
    at = [f.name for f in features].index("balance_end")
    x = matrix(rows, [features[at].model_copy(update={"low": -np.inf, "high": np.inf})])[:, 0]
    assert abs(x[100] - x[101]) < 0.05 * abs(x[100] - x[:100].mean())


# stability, names, drift


@pytest.mark.parametrize(
    ("jaccard", "name"),
    [
        (0.59, "unstable"),
        (0.60, "doubtful"),
        (0.75, "doubtful"),
        (0.76, "stable"),
        (0.85, "stable"),
        (0.86, "highly stable"),
    ],
)
def test_stability_is_called_as_announced(jaccard, name):
    assert quality.stability_class(jaccard) == name


def test_a_division_of_one_cloud_is_not_stable_and_one_of_two_clouds_is():
    rng = np.random.default_rng(0)
    rows = pd.DataFrame(index=range(300))
    for shift, stable in ((0.0, False), (8.0, True)):
        x = rng.normal(0, 1, (300, 6)) + shift * (np.arange(300) % 2)[:, None]
        label = METHODS["k-means"](x, rows, 2 if stable else 4, 0)
        jaccard, rand = quality.bootstrap_stability(
            x, rows, METHODS["k-means"], label, 2 if stable else 4
        )
        assert (min(jaccard) > 0.85) == stable and (rand > 0.9) == stable


def test_the_gap_statistic_is_largest_at_the_true_number():
    rng = np.random.default_rng(1)
    x = rng.normal(0, 0.3, (300, 2)) + np.array([[0, 0], [4, 0], [0, 4]])[np.arange(300) % 3]
    rows = pd.DataFrame(index=range(300))
    gaps = {k: quality.gap(x, METHODS["k-means"](x, rows, k, 0), k)[0] for k in (2, 3, 4)}
    assert max(gaps, key=gaps.get) == 3


def test_eta_squared_is_one_where_groups_explain_all_and_zero_where_nothing():
    rows = pd.DataFrame(
        {"all": [1.0] * 10 + [2.0] * 10, "nothing": [1.0, 2.0] * 10, "constant": [1.0] * 20}
    )
    assert quality.eta_squared(rows, list(rows), np.repeat([0, 1], 10)) == {
        "all": pytest.approx(1),
        "nothing": pytest.approx(0),
    }


def test_old_groups_are_matched_to_new_ones_so_that_the_overlaps_add_up_to_most():
    old = np.repeat([0, 1, 2], [50, 30, 20])
    new = np.concatenate([np.repeat([2, 0], [45, 5]), np.repeat(0, 30), np.repeat(1, 20)])
    pairs = {(a, b): s for a, b, s in naming.matched(old, new, 3, 3)}
    assert set(pairs) == {(0, 2), (1, 0), (2, 1)}
    assert pairs[0, 2] == pytest.approx(45 / 50) and pairs[1, 0] == pytest.approx(30 / 35)
    assert naming.names_kept(old, new, ["a", "b", "c"], 3) == {2: "a", 0: "b", 1: "c"}


def test_a_group_that_shares_less_than_half_its_customers_does_not_keep_the_name():
    old, new = (
        np.repeat([0, 1], [60, 40]),
        np.concatenate([np.repeat([0, 1], 30), np.repeat(1, 40)]),
    )
    assert naming.names_kept(old, new, ["a", "b"], 2) == {0: "a", 1: "b"}
    assert 0 not in naming.names_kept(old, np.tile([0, 1], 50), ["a", "b"], 2)


def test_names_come_from_the_first_rule_that_fits_and_never_twice():
    rows = two_kinds()
    label = (rows["money_in"] > 1000).to_numpy().astype(int)
    plans = [Plan(name="Rich", when={"balance_end": "high"}), Plan(name="All")]
    assert [g.name for g in naming.named(rows, label, 2, plans, {})] == ["All", "Rich"]
    assert [g.name for g in naming.named(rows, label, 2, [Plan(name="All")], {})] == [
        "All",
        "All (2)",
    ]
    assert [g.name for g in naming.named(rows, label, 2, plans, {0: "Rich"})] == [
        "Rich",
        "Rich (2)",
    ]


def test_groups_keep_their_names_in_a_new_version(demo, prepared_once, tmp_path, only):
    only("segmentation")
    path = prepared_demo(prepared_once, tmp_path)
    text = path.read_text(encoding="utf-8")
    path.write_text(
        text.replace("fit_quarter: 2024Q1", "fit_quarter: 2024Q3").replace(
            "earlier_fit_quarters: []", "earlier_fit_quarters: [2024Q1]"
        ),
        encoding="utf-8",
    )
    bank = read_params(path)
    prepare(bank)
    first, second = read_model_file(
        bank.data_folder / model_reading("segmentation_versions"), Versions
    ).versions
    assert (first.version, second.version, second.earlier) == (1, 2, ["2024Q1"])
    assert first.types == Tables(demo, "ALL", LAST).segmentation.types
    kept = [g for g in second.types["personal"].groups if g.kept]
    assert len(kept) >= 4 and {g.name for g in kept} <= {
        g.name for g in first.types["personal"].groups
    }
    assert Tables(bank, "ALL", LAST).segmentation == second


def test_the_stability_index_has_its_known_value_and_is_zero_without_change():
    assert stability_index(np.array([0.5, 0.5]), np.array([0.5, 0.5])) == 0
    assert stability_index(np.array([0.5, 0.5]), np.array([0.6, 0.4])) == pytest.approx(
        0.1 * np.log(1.2) - 0.1 * np.log(0.8)
    )


def test_drift_is_seen_in_the_feature_that_moved_and_in_no_other():
    rows = numbered(
        people(400, 1, noise=0.3),
        people(300, 2, noise=0.3, balance_end=900_000, money_in=90_000, transactions=60),
    )
    model = fitted(rows)
    same = type_drift(model, rows, Segmentation().weights, "k-means")
    assert max(f.psi for f in same.features) == 0 and same.rand == 1
    moved = type_drift(
        model,
        rows.assign(counterparties=rows["counterparties"] * 3),
        Segmentation().weights,
        "k-means",
    )
    found = {f.feature for f in moved.features if f.psi > max(f.by_chance, 0.25)}
    assert found == {"counterparties"}


@pytest.mark.parametrize("method", [m for m in METHODS if m not in ONLY_COMPARED])
def test_a_fit_today_is_by_the_method_in_force(method, monkeypatch):
    rows = two_kinds()
    model = fitted(rows, method=method, groups=(2, 2))
    asked = []
    for name, one in METHODS.items():
        monkeypatch.setitem(
            METHODS, name, lambda *given, one=one, name=name: asked.append(name) or one(*given)
        )
    today = type_drift(model, rows, Segmentation().weights, method)
    assert set(asked) == {method} and today.rand == 1
