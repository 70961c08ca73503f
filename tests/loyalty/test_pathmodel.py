"""Partial least squares path modelling, against an independent implementation and against what was
planted.
"""

import json

import numpy as np
import pandas as pd
import pytest

from analysis.language import because
from analysis.loyalty.partial_least_squares import Structure, bootstrap, completed, fit
from analysis.loyalty.pathmodel import fit_path_model, structure_of
from analysis.quarters import Quarter
from analysis.sources.params import Loyalty
from analysis.tables import Tables
from tests.conftest import SHARED, left_out


@pytest.fixture(scope="module")
def published():
    folder = SHARED / "satisfaction"
    if not (folder / "reference.json").exists():
        left_out(
            str(folder / "reference.json"),
            "Set WORKBOOK_SHARED to the folder of the third-party data.",
        )
    reference = json.loads((folder / "reference.json").read_text())
    paths: dict[str, list[str]] = {}
    for name in reference["paths"]:
        source, target = name.split("->")
        paths.setdefault(target, []).append(source)
    return (
        pd.read_csv(folder / "satisfaction.csv"),
        Structure(reference["blocks"], paths),
        reference,
    )


def test_every_estimate_agrees_with_an_independent_implementation(published):
    answers, structure, reference = published
    found = fit(answers, structure)
    assert found.converged
    paths = {
        f"{s}->{t}": v
        for s, t, v in found.paths[["source", "target", "path"]].itertuples(index=False)
    }
    assert paths == pytest.approx(reference["paths"], abs=1e-3)
    blocks = found.blocks.set_index("block")
    for name, column in (
        ("r_squared", "r_squared"),
        ("ave", "ave"),
        ("cronbach_alpha", "alpha"),
        ("dillon_goldstein_rho", "rho"),
    ):
        assert blocks[column].dropna()[list(reference[name])].to_dict() == pytest.approx(
            reference[name], abs=1e-3
        )
    outer = found.outer.set_index("item")
    for name in ("weight", "loading"):
        assert outer[name].to_dict() == pytest.approx(
            {i: v[name] for i, v in reference["outer"].items()}, abs=1e-3
        )
    assert found.goodness_of_fit == pytest.approx(reference["goodness_of_fit"], abs=1e-3)


def made_up(n=800, seed=0, effect=(0.7, 0.2)):
    """Two causes, measured by three items each, of a result measured by three."""
    rng = np.random.default_rng(seed)
    causes = rng.normal(0, 1, (n, 2))
    result = causes @ np.array(effect) + rng.normal(0, 0.5, n)
    latent = {"a": causes[:, 0], "b": causes[:, 1], "y": result}
    table = pd.DataFrame(
        {f"{b}{i}": v + rng.normal(0, 0.4, n) for b, v in latent.items() for i in (1, 2, 3)}
    )
    return table, Structure({b: [f"{b}{i}" for i in (1, 2, 3)] for b in latent}, {"y": ["a", "b"]})


@pytest.mark.parametrize("scheme", ["centroid", "path"])
def test_both_schemes_find_the_stronger_cause(scheme):
    table, structure = made_up()
    found = fit(table, Structure(structure.blocks, structure.paths, scheme=scheme))
    path = found.paths.set_index("source")["path"]
    assert found.converged and path["a"] > 3 * path["b"] > 0
    outer = found.outer
    own = np.array([row[f"with_{row['block']}"] for _, row in outer.iterrows()])
    assert np.allclose(own, outer["loading"]) and (own > 0.8).all()


def test_a_block_that_its_items_make_up_gets_regression_weights():
    table, structure = made_up()
    table["a3"] = np.random.default_rng(9).normal(0, 1, len(table))  # says nothing
    formative = fit(
        table, Structure(structure.blocks, structure.paths, formative=("a",))
    ).outer.set_index("item")["weight"]
    assert abs(formative["a3"]) < 0.2 * formative["a1"]


def test_scores_do_not_depend_on_the_direction_of_an_item():
    table, structure = made_up()
    turned = fit(table.assign(a1=-table["a1"]), structure)
    assert turned.paths["path"].to_numpy() == pytest.approx(
        fit(table, structure).paths["path"].to_numpy(), abs=1e-6
    )
    assert turned.outer.set_index("item").loc["a1", "loading"] < 0


def test_a_few_missing_answers_change_little_and_are_filled_from_the_person_and_the_item():
    table, structure = made_up()
    holes = table.mask(np.random.default_rng(1).random(table.shape) < 0.05)
    assert fit(holes, structure).paths["path"].to_numpy() == pytest.approx(
        fit(table, structure).paths["path"].to_numpy(), abs=0.05
    )
    small = pd.DataFrame({"a1": [1.0, 3.0], "a2": [2.0, np.nan]})
    filled = completed(small, Structure({"a": ["a1", "a2"]}, {}))
    assert filled.loc[1, "a2"] == pytest.approx(
        3 + 2 - 2
    )  # the person's mean, and the item's less the block's


def test_intervals_cover_the_estimate_and_shrink_with_more_answers():
    few, structure = made_up(150)
    many, _ = made_up(2400)
    widths = []
    for table in (few, many):
        paths = bootstrap(table, structure, 200)["paths"]
        assert ((paths["path_low"] < paths["path"]) & (paths["path"] < paths["path_high"])).all()
        widths.append((paths["path_high"] - paths["path_low"]).mean())
    assert 2.5 < widths[0] / widths[1] < 6  # four times as narrow with sixteen times the answers
    again = bootstrap(few, structure, 200)["paths"]
    pd.testing.assert_frame_equal(again, bootstrap(few, structure, 200)["paths"])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda t: t.assign(a1=5.0), "All answers to a1 are equal"),
        (lambda t: t.head(3), "3 answers; 100 are needed"),
        (lambda t: t.head(0), "no answers"),
    ],
)
def test_what_cannot_be_estimated_says_why(change, reason):
    table, structure = made_up()
    assert reason in because(fit_path_model(change(table), structure, 20))


def test_an_item_that_nobody_answered_is_left_out_and_named():
    table, structure = made_up()
    data = fit_path_model(
        table.rename(columns=lambda c: f"item_{c}").assign(item_a3=np.nan),
        Structure(
            {b: [f"item_{i}" for i in items] for b, items in structure.blocks.items()},
            structure.paths,
        ),
        20,
    )
    assert data.unanswered == ["a3"] and "a3" not in {r.item for r in data.outer}
    assert data.outer[0].missing == 0


def test_without_items_on_satisfaction_or_loyalty_there_is_no_model():
    assert structure_of(Loyalty(items={"service": ["s1"]})) is None
    only = structure_of(Loyalty(items={"service": ["s1"]}, stated_loyalty=["stay"]))
    assert only.paths == {"stated_loyalty": ["service"]}


def test_the_planted_order_of_the_drivers_is_found_on_the_demo_bank(ready_demo):
    from analysis.sources.params import read_params

    bank = read_params(ready_demo)
    truth = json.loads((bank.place(bank.source.folder) / "truth" / "loyalty.json").read_text())[
        "drivers"
    ]
    model = Tables(bank, "ALL", Quarter.parse("2024Q4")).path_model.model
    path = {p.source: p.path for p in model.paths if p.target == "satisfaction"}
    assert sorted(path, key=path.get) == sorted(truth, key=truth.get)
    planted = [p for p in model.paths if p.target in ("satisfaction", "stated_loyalty")]
    assert len(planted) == 5 and all(
        p.path_low > 0 for p in planted
    )  # what follows from loyalty is weak in the demo
    assert model.overall.n == 500 and model.answers > 3000


def test_corrected_paths_are_those_between_what_was_measured_and_not_between_its_measures():
    table, structure = made_up(20_000, effect=(0.6, 0.3))
    truth = np.array([0.6, 0.3]) / np.sqrt(0.36 + 0.09 + 0.25)
    found = fit(table, structure).paths
    assert found["corrected"].to_numpy() == pytest.approx(truth, abs=0.015)
    assert (found["path"] < found["corrected"] - 0.02).any()  # what error of measurement takes away
    assert found["share"].to_numpy() == pytest.approx([2 / 3, 1 / 3], abs=0.02)


def test_the_shares_lie_in_their_intervals_in_nineteen_of_twenty_samples():
    within = 0
    for seed in range(60):
        table, structure = made_up(400, seed, (0.6, 0.3))
        p = bootstrap(table, structure, 120, seed)["paths"].iloc[0]
        within += p["share_low"] <= 2 / 3 <= p["share_high"]
    assert within >= 51  # 60 tries at 95 %: fewer than 51 has a probability below 1 in 1,000


def test_who_answered_twice_is_drawn_with_both_answers():
    table, structure = made_up(300)
    twice = pd.concat([table, table], ignore_index=True)
    person = pd.Series(np.tile(np.arange(300), 2))
    alone, by_person = (
        bootstrap(twice, structure, 200, cluster=c)["paths"] for c in (None, person)
    )
    width = [(p["path_high"] - p["path_low"]).mean() for p in (alone, by_person)]
    assert width[1] / width[0] == pytest.approx(np.sqrt(2), rel=0.15)


def test_blocks_of_the_same_thing_have_a_ratio_of_one_and_others_less():
    table, structure = made_up(5000, effect=(0.7, 0.0))
    pairs = fit(table, structure).pairs.set_index(["block", "other"])["htmt"]
    assert pairs["a", "b"] < 0.05
    same = Structure(
        {"a": ["a1", "a2"], "again": ["a3", "b1"], "y": structure.blocks["y"]},
        {"y": ["a", "again"]},
    )
    alike = table.assign(b1=table["a1"] + np.random.default_rng(5).normal(0, 0.4, len(table)))
    assert fit(alike, same).pairs.set_index(["block", "other"])["htmt"]["a", "again"] > 0.9


@pytest.mark.parametrize("formative", [(), ("a",)])
def test_an_item_asked_twice_over_changes_no_path(formative):
    table, structure = made_up()
    twice = Structure(
        {**structure.blocks, "a": ["a1", "a2", "a3", "again"]}, structure.paths, formative
    )
    found = fit(table.assign(again=table["a3"]), twice)
    assert found.converged and np.isfinite(found.outer["weight"]).all()
    once = fit(table, Structure(structure.blocks, structure.paths, formative))
    assert found.paths["path"].to_numpy() == pytest.approx(once.paths["path"].to_numpy(), abs=0.02)
