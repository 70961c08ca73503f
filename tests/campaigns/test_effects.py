"""What campaigns did: by lot, not by lot, and where nothing can be told."""

import datetime as dt

import ibis
import numpy as np
import pandas as pd
import pytest

from analysis.campaigns import brief, findings, observed, randomised, uplift
from analysis.campaigns.effects import Known, campaign_effects
from analysis.campaigns.fitted import CampaignEffects
from analysis.language import because
from analysis.quarters import Quarter
from analysis.sources.params import Campaigns
from analysis.tables import Tables

Q2 = Quarter.parse("2024Q2")


@pytest.fixture(scope="module")
def con():
    con = ibis.duckdb.connect(threads=1)
    yield con
    con.disconnect()


def customers(n, quarter, rng, **changed):
    """customer_quarter as far as campaigns read it."""
    income = rng.normal(0, 1, n)
    table = pd.DataFrame(
        {
            "customer_id": [f"C{i}" for i in range(n)],
            "quarter": quarter,
            "tenure_years": rng.gamma(2, 4, n),
            "age_years": rng.uniform(20, 80, n),
            "transactions": rng.poisson(10, n),
            "active_weeks": rng.integers(1, 13, n),
            "counterparties": rng.poisson(5, n),
            "channels_used": rng.integers(1, 4, n),
            "cash_share": rng.random(n),
            "mobile_share": rng.random(n),
            "salary_months": rng.integers(0, 4, n),
            "money_in": np.exp(9 + income),
            "balance_end": rng.normal(1000, 300, n),
            "assets_trend": rng.normal(0, 0.2, n),
            "products_held": rng.integers(1, 5, n),
            "balance_change": rng.normal(0, 100, n),
            "has_card": rng.random(n) < 0.5,
        }
    )
    return table.assign(**changed), income


def judged(con, contacts, known_customers, name, **campaign):
    """The one campaign, judged."""
    row = {
        "campaign_id": "G1",
        "name": "Spring",
        "product_id": "P1",
        "starts_on": dt.date(2024, 4, 1),
        "ends_on": dt.date(2024, 6, 1),
        "randomised": True,
        "control_share": None,
        "cost": None,
        "contact_cost": None,
        "response_value": None,
        **campaign,
    }
    types = {
        "randomised": "boolean",
        "control_share": "float64",
        "cost": "float64",
        "contact_cost": "float64",
        "response_value": "float64",
    }
    campaigns = con.create_table(
        f"campaigns_{name}", pd.DataFrame([row]).astype(types), overwrite=True
    )
    delivered = contacts.assign(campaign_id="G1", contact_id=range(len(contacts)))
    reached = con.create_table(f"contacts_{name}", delivered, overwrite=True)
    rows = con.create_table(f"customers_{name}", known_customers, overwrite=True)
    groups = known_customers[["customer_id", "quarter"]].assign(
        customer_type="personal", segment="All"
    )
    segments = con.create_table(f"segments_{name}", groups, overwrite=True)
    known = Known(rows, segments, Campaigns(), 10)
    return campaign_effects(campaigns, reached, None, known, Q2).campaigns[0]


def arms(n, rng, share=0.5, base=0.1, effect=0.1):
    treated = rng.random(n) < share
    response = rng.random(n) < base + effect * treated
    return pd.DataFrame(
        {
            "customer_id": [f"C{i}" for i in range(n)],
            "treated": treated,
            "response": pd.array(response, "boolean"),
        }
    )


def test_a_campaign_by_lot_is_told_with_what_was_known_before(con):
    rng = np.random.default_rng(1)
    before, _income = customers(3000, "2024Q1", rng)
    contacts = arms(3000, rng)
    told = judged(con, contacts, before, "lot", control_share=0.5, cost=100.0, response_value=10.0)
    assert told.design == "randomised" and told.treated + told.control == 3000
    found = findings.response_of(told)
    rates = contacts.groupby("treated")["response"].mean()
    assert found.plain == pytest.approx(rates[True] - rates[False])
    assert found.low < 0.1 < found.high and found.p_corrected < 0.05
    assert told.ratio_p > 0.01 and told.cost == 100
    assert told.net == pytest.approx(10 * told.treated * found.effect - 100)
    (group,) = told.groups
    assert group.segment == "All" and group.treated == told.treated
    assert findings.is_certain(told) and told.heterogeneity_p is None


def test_what_was_known_before_takes_noise_out(con):
    rng = np.random.default_rng(2)
    known = rng.normal(10, 3, 4000)
    table = pd.DataFrame({"treated": rng.integers(0, 2, 4000), "before": known})
    table["after"] = known + 0.5 * table["treated"] + rng.normal(0, 1, 4000)
    rows = con.create_table("cuped", table, overwrite=True)
    found = randomised.effects_of(rows, {"after": "before"})["after"]
    assert found.low < 0.5 < found.high
    assert found.high - found.low < 0.5 * (found.plain_high - found.plain_low)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda c: c.assign(treated=True), "It has no control group"),
        (lambda c: c.assign(treated=False), "control group"),
        (lambda c: c.assign(response=pd.array([True] * len(c), "boolean")), "All of its 200"),
        (lambda c: c.assign(response=pd.array([False] * len(c), "boolean")), "None of its 200"),
        (lambda c: c.assign(response=pd.array([None] * len(c), "boolean")), "who responded"),
        (lambda c: c.assign(treated=np.arange(len(c)) >= 5), "are needed"),
        (lambda c: c.head(0), "Nobody was contacted"),
    ],
    ids=["no control", "no contact", "all respond", "none respond", "unknown", "few", "empty"],
)
def test_what_cannot_be_judged_says_why(con, change, why):
    rng = np.random.default_rng(3)
    before, _income = customers(200, "2024Q1", rng)
    told = judged(con, change(arms(200, rng)), before, "bad")
    assert why in because(told.why)
    assert why in findings.cautions(CampaignEffects(campaigns=[told]))[0]


def test_a_customer_on_both_sides_is_left_out_and_said(con):
    rng = np.random.default_rng(4)
    before, _income = customers(1000, "2024Q1", rng)
    contacts = arms(1000, rng)
    twice = contacts.head(7).assign(treated=~contacts["treated"].head(7))
    told = judged(con, pd.concat([contacts, twice], ignore_index=True), before, "both")
    assert told.in_both == 7 and told.treated + told.control == 993
    assert "7 customers stand on both sides" in " ".join(
        findings.cautions(CampaignEffects(campaigns=[told]))
    )


def test_arms_of_99_to_1_are_judged_and_said_to_find_little(con):
    rng = np.random.default_rng(5)
    before, _income = customers(6000, "2024Q1", rng)
    contacts = arms(6000, rng).assign(treated=np.arange(6000) >= 60)
    told = judged(con, contacts, before, "lopsided", control_share=0.5)
    cautions = " ".join(findings.cautions(CampaignEffects(campaigns=[told])))
    assert "5,940 contacted against 60 not" in cautions
    assert "not of the sizes that were planned" in cautions and told.ratio_p < 1e-6
    found = findings.response_of(told)
    assert found.high - found.low > 0.1


def test_what_is_known_is_allowed_for_where_no_lot_was_drawn(con):
    rng = np.random.default_rng(6)
    before, income = customers(6000, "2024Q1", rng)
    treated = rng.random(6000) < 1 / (1 + np.exp(-income))
    chance = 1 / (1 + np.exp(-(income - 2))) + 0.05 * treated
    contacts = pd.DataFrame(
        {
            "customer_id": before["customer_id"],
            "treated": treated,
            "response": pd.array(rng.random(6000) < chance, "boolean"),
        }
    )
    told = judged(con, contacts, before, "observed", randomised=None)
    found = findings.response_of(told)
    assert told.design == "observed" and found.low < 0.05 < found.high
    assert found.plain_low > 0.05  # the plain difference is far too large
    assert told.placebo.low < 0 < told.placebo.high and sum(told.overlap.treated) == treated.sum()
    assert not findings.is_certain(told)
    assert "was not drawn by lot" in findings.cautions(CampaignEffects(campaigns=[told]))[0]


def test_where_nobody_is_alike_nothing_is_told(con):
    rng = np.random.default_rng(12)
    before, _income = customers(1000, "2024Q1", rng)
    contacts = arms(1000, rng).assign(treated=before["has_card"])
    told = judged(con, contacts, before, "apart", randomised=False)
    assert "of those contacted are like nobody who was not" in because(told.why)


def test_a_hidden_difference_shows_in_the_quarter_before(con):
    rng = np.random.default_rng(7)
    before, _income = customers(4000, "2024Q1", rng)
    grew = before["balance_change"] > 0
    contacts = arms(4000, rng).assign(treated=rng.random(4000) < np.where(grew, 0.7, 0.3))
    told = judged(con, contacts, before, "placebo", randomised=False)
    assert told.placebo.low > 0
    assert "the effect is not to be trusted" in " ".join(
        findings.cautions(CampaignEffects(campaigns=[told]))
    )


def test_without_a_quarter_before_there_is_the_plain_difference(con):
    rng = np.random.default_rng(8)
    later, _income = customers(500, "2024Q2", rng)
    for lot in (True, False):
        told = judged(con, arms(500, rng), later, f"first_{lot}", randomised=lot)
        found = findings.response_of(told)
        assert found.effect == pytest.approx(found.plain)
        assert told.placebo is None and (told.uplift is None or because(told.uplift))


def test_the_next_control_group_is_as_small_as_finds_the_effect():
    told = randomised.next_control(20_000, 0.05, 0.02, 0.8)
    more = randomised.next_control(20_000, 0.05, 0.04, 0.8)
    assert 0 < more.size < told.size < 10_000
    assert randomised.next_control(500, 0.05, 0.02, 0.8).size is None
    # as many as the normal approximation of two shares needs
    p, q = 0.05, 0.07
    halves = 2 * (1.96 + 0.8416) ** 2 * (p * (1 - p) + q * (1 - q)) / 0.02**2
    assert told.needed == pytest.approx(halves, rel=0.03)


def test_the_area_is_that_of_a_known_curve():
    """Ten customers whom contact moves come first, ten whom it does not after."""
    treated = np.tile([True, False], 10)
    moved = np.repeat([1, 0], 10)
    response = (treated & (moved == 1)).astype(float)
    score = np.arange(20, 0, -1.0)
    curve = uplift.gains(score, treated, response)
    assert curve[-1] == pytest.approx(0.5) and curve[10] == pytest.approx(0.5)
    assert uplift.qini(score, treated, response) == pytest.approx(125, abs=15)
    assert uplift.qini(-score, treated, response) == pytest.approx(-125, abs=30)


def test_those_whom_contact_moves_are_told_and_the_chance_of_responding_is_not_enough():
    rng = np.random.default_rng(9)
    n = 20_000
    moved, keen = rng.random(n) < 0.5, rng.random(n) < 0.5
    treated = rng.random(n) < 0.5
    chance = 0.05 + 0.3 * keen + 0.1 * (moved & treated)
    table = pd.DataFrame(
        {
            "customer_id": [f"C{i}" for i in range(n)],
            "treated": treated,
            "response": rng.random(n) < chance,
            "moved": moved,
            "keen": keen,
        }
    )
    told = {r.method: r for r in uplift.uplift(table, {}, ["moved", "keen"]).rankings}
    for method in ("class_transformation", "two_models"):
        assert told[method].low > 0 and told[method].ahead_low > 0
        assert told[method].qini == pytest.approx(12.5, abs=4)  # 1000 × 0.1 × 1/8


def test_estimates_are_settled_whatever_the_order_of_the_rows():
    rng = np.random.default_rng(10)
    before, _income = customers(800, "2024Q1", rng)
    rows = before.merge(arms(800, rng), on="customer_id")
    rows["response"] = rows["response"].astype(bool)
    columns = {"money_in": "asinh", "age_years": "none"}
    one = observed.on_the_treated(rows, "response", columns, ["has_card"])[0]
    other = observed.on_the_treated(
        rows.sample(frac=1, random_state=1), "response", columns, ["has_card"]
    )[0]
    assert one == other


@pytest.fixture(scope="module")
def mail(request):
    from tests.conftest import SHARED, left_out

    path = SHARED / "hillstrom" / "hillstrom.parquet"
    if not path.exists():
        left_out(str(path), "Set WORKBOOK_SHARED to the folder of the third-party data.")
    table = pd.read_parquet(path)
    return table.assign(customer_id=np.arange(len(table)).astype(str))


@pytest.mark.parametrize(
    ("arm", "visits", "spend"),
    [
        ("mens", (7.66, 6.99, 8.32), (0.77, 0.49, 1.05)),
        ("womens", (4.52, 3.89, 5.16), (0.42, 0.17, 0.68)),
    ],
)
def test_the_effects_of_a_public_experiment_are_found(con, mail, arm, visits, spend):
    part = mail[mail["arm"].isin([arm, "control"])]
    table = pd.DataFrame(
        {
            "treated": (part["arm"] == arm).astype(int),
            "visit": part["visit"].astype(float),
            "spend": part["spend"].astype(float),
        }
    )
    rows = con.create_table(f"mail_{arm}", table, overwrite=True)
    found = randomised.effects_of(rows, {"visit": None, "spend": None})
    for name, scale, expected in (("visit", 100, visits), ("spend", 1, spend)):
        told = [scale * getattr(found[name], k) for k in ("effect", "low", "high")]
        assert told == pytest.approx(expected, abs=0.006), name


def test_uplift_pays_for_the_womens_mail_and_not_for_the_mens(mail):
    flags = ["newbie", "mens", "womens"]
    table = mail.assign(**{f: mail[f].astype(bool) for f in flags}, response=mail["visit"] == 1)
    for column in ("zip_code", "channel"):
        for value in sorted(table[column].unique()):
            table[f"{column}_{value}"] = table[column] == value
            flags.append(f"{column}_{value}")
    best = {}
    for arm in ("womens", "mens"):
        part = table[table["arm"].isin([arm, "control"])].assign(
            treated=lambda t: t["arm"] != "control"
        )
        told = uplift.uplift(part, {"recency": "none", "history": "log"}, flags).rankings
        best[arm] = {r.method: r for r in told}
    womens = [best["womens"][m] for m in ("class_transformation", "two_models")]
    assert max(r.qini for r in womens) >= 7.2 and all(r.ahead_low > 0 for r in womens)
    assert all(best["mens"][m].ahead_high < 0 for m in ("class_transformation", "two_models"))


def test_the_planted_campaigns_of_the_demo_bank_are_told_apart(ready_demo):
    from analysis.demo import plan
    from analysis.sources.params import read_params

    effects = Tables(read_params(ready_demo), "ALL", Quarter.parse("2024Q4")).campaigns
    assert [c.name for c in effects.judged] == [c.name for c in plan.CAMPAIGNS]
    by_name = {c.name: c for c in effects.judged}
    card = findings.response_of(by_name["Card spring"])
    assert card.low < 0.06 < card.high
    nothing = findings.response_of(by_name["Home insurance"])
    assert nothing.low < 0 < nothing.high
    assert by_name["Term deposit"].design == "observed"
    wealthy = max(by_name["Wealth week"].groups, key=lambda g: g.effect)
    assert wealthy.effect > 0.03
    actions = {row.what: row.action for row in brief.rows_of(effects)}
    assert actions["Wealth week"].startswith(f"Repeat it for {wealthy.segment} only")
    assert actions["Home insurance"].startswith("Do not repeat it")
