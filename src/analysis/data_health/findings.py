"""How far the data can be trusted, what changed in it, and what has to be mended. Results in,
tables out.
"""

from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd
from scipy import stats

from analysis.contract import CONTRACT
from analysis.data_health.checks import ASPECTS, CHECKS, OF_A_QUARTER
from analysis.data_health.effects import KINDS
from analysis.data_health.fitted import Effect, Effects, Texts
from analysis.data_health.words import label
from analysis.language import listed, say, sentences
from analysis.partition import ALL
from analysis.report.brief import in_prose
from analysis.report.table import with_interval
from analysis.sources.faults import accepted_values
from analysis.statistics.intervals import corrected_for_any, share_interval

#: A check in the quarter: column to its type. before: the share in the quarter before. p_corrected:
#: that the share is as in the quarters before (see `changed`), empty where there are too few. harm:
#: whether the headline of a report moves without the rows, as in `GRADES`.
CHECKED = {
    "table": "str",
    "aspect": "str",
    "column": "str",
    "what": "str",
    "rows": "float",
    "doubtful": "float",
    "share": "float",
    "low": "float",
    "high": "float",
    "before": "float",
    "p_corrected": "float",
    "harm": "str",
}
#: Every check, passes included: column to its type. least, most: of the shares of the quarters
#: before, not a number in the first.
EVERY_CHECK = {
    "table": "str",
    "aspect": "str",
    "what": "str",
    "rows": "float",
    "doubtful": "float",
    "share": "float",
    "least": "float",
    "most": "float",
}
#: The checks of an aspect, in every quarter: column to its type.
BY_ASPECT = {
    "quarter": "str",
    "aspect": "str",
    "checked": "int",
    "doubtful": "int",
    "share": "float",
}
#: A headline with and without the doubtful rows.
EFFECTS = {
    "report": "str",
    "headline": "str",
    "value": "str",
    "n": "int",
    "without": "str",
    "left_out": "str",
    "beyond": "str",
}
#: A row to mend: column to its type.
FIX_LIST = {
    "table": "str",
    "key": "str",
    "column": "str",
    "what": "str",
    "found": "str",
    "instead": "str",
}
#: A rule of the contract that was broken.
QUARANTINE = {"table": "str", "rule": "str", "accepted": "str", "rows": "int"}
#: Days on which something else was booked than was to be expected.
UNUSUAL_DAYS = {
    "branch_id": "str",
    "day": "str",
    "until": "str",
    "measure": "str",
    "found": "str",
    "expected": "str",
    "far": "float",
}
#: What was written: numbers are rounded, since exact ones would tell of few.
WRITTEN = {
    "table": "str",
    "texts": "int",
    "million_letters": "float",
    "chinese": "float",
    "repeated": "float",
    "kinds": "str",
}
#: Quarters before, that are needed to tell how much a share moves by itself.
LEAST_BEFORE, LEAST_ROWS = 3, 30
CERTAIN = 0.05
#: What a headline has to move by, in half-widths of its own interval, to be so much harmed.
GRADES = {"beyond_chance": 1.0, "noticeable": 0.2, "slight": 0.0}
#: Where no headline was computed without the rows, or so few are left out that they could be told.
NOT_EXAMINED = "not_examined"


def checked(
    rows: pd.DataFrame, quarter: str, effects: Effects, least: int, withheld: Collection[str] = ()
) -> pd.DataFrame:
    """The checks that found something, or no longer do, the worst first: the columns `CHECKED`.

    rows: the columns `DATA_CHECK` of the quarters compared, with `quarter`. least: what fewer rows
    do to a headline is not told, and neither is of how many rows fewer are. withheld: tables whose
    rows no page counts.
    """
    summed = _summed(rows)
    now = summed[summed["quarter"] == quarter]
    now = now.assign(p=[changed(summed, r.check, quarter) for r in now.itertuples()])
    now = now.assign(p_corrected=corrected_for_any(now["p"]))
    found = now[(now["doubtful"] > 0) | (now["p_corrected"] < CERTAIN)]
    quarters = sorted(summed["quarter"].unique())
    place = quarters.index(quarter) if quarter in quarters else 0
    before = summed[summed["quarter"] == (quarters[place - 1] if place else "")]
    shares = (before["doubtful"] / before["rows"]).set_axis(before["check"])
    intervals = [
        share_interval(d, n) for d, n in zip(found["doubtful"], found["rows"], strict=True)
    ]
    harm = harms(effects, least)
    told = pd.DataFrame(
        {
            "table": [CHECKS[c][0] for c in found["check"]],
            "aspect": [CHECKS[c][1].aspect for c in found["check"]],
            "column": [CHECKS[c][1].column for c in found["check"]],
            "what": [say(CHECKS[c][1].meaning) for c in found["check"]],
            "rows": found["rows"].to_numpy(),
            "doubtful": found["doubtful"].to_numpy(),
            "share": (found["doubtful"] / found["rows"]).to_numpy(),
            "low": [low for low, _high in intervals],
            "high": [high for _low, high in intervals],
            "before": found["check"].map(shares).where(_of_a_quarter(found)).to_numpy(dtype=float),
            "p_corrected": found["p_corrected"].to_numpy(dtype=float),
            "harm": [_grade(harm.get(c)) for c in found["check"]],
            "moves": [harm.get(c, -1.0) for c in found["check"]],
            "check": found["check"].to_numpy(),
        },
        columns=[*CHECKED, "moves", "check"],
    )
    order = ["moves", "share", "check"]
    told = told.sort_values(order, ascending=[False, False, True], ignore_index=True)
    return _uncounted(told[list(CHECKED)], least, withheld)


def _uncounted(told: pd.DataFrame, least: int, withheld: Collection[str]) -> pd.DataFrame:
    """Without counts and shares of the tables withheld, and of fewer rows than `least`."""
    hidden = told["table"].isin(list(withheld)) | (told["rows"] < least)
    numbers = [c for c in ("rows", "doubtful", "share", "low", "high", "before") if c in told]
    told = told.astype(dict.fromkeys(("rows", "doubtful"), float))
    return told.assign(**{c: told[c].mask(hidden) for c in numbers})


def _of_a_quarter(rows: pd.DataFrame) -> np.ndarray:
    """Whether the rows of a check's table belong to a quarter, so that quarters can be compared."""
    return np.array([CHECKS[c][0] in OF_A_QUARTER for c in rows["check"]], dtype=bool)


def _grade(moves: float | None) -> str:
    if moves is None:
        return NOT_EXAMINED
    return next((grade for grade, least in GRADES.items() if moves > least), "none")


def every_check(
    rows: pd.DataFrame, quarter: str, least: int, withheld: Collection[str] = ()
) -> pd.DataFrame:
    """What every check found, now and in the quarters before: the columns `EVERY_CHECK`.

    rows, least, withheld: as for `checked`.
    """
    summed = _summed(rows)
    summed = summed.assign(share=summed["doubtful"] / summed["rows"])
    now = summed[summed["quarter"] == quarter].set_index("check")
    before = summed[summed["quarter"] < quarter].groupby("check")["share"]
    told = now.assign(
        table=[CHECKS[c][0] for c in now.index],
        aspect=[CHECKS[c][1].aspect for c in now.index],
        what=[say(CHECKS[c][1].meaning) for c in now.index],
        least=before.min().reindex(now.index),
        most=before.max().reindex(now.index),
    )
    apart = ~_of_a_quarter(told.reset_index())
    told = told.assign(least=told["least"].mask(apart), most=told["most"].mask(apart))
    told = told.sort_index()[list(EVERY_CHECK)].reset_index(drop=True)
    return _uncounted(told, least, withheld)


def changed(summed: pd.DataFrame, check: str, quarter: str) -> float:
    """The chance that a check's share lies as far from that of the quarters before, when nothing
    changed: on the arcsine of its root, by Student's t with what the quarters before vary or the
    error of counting, whichever is larger. Shares that always move about give no alarm. Not a
    number with fewer than three quarters before, with too few rows, and of tables whose rows do not
    belong to a quarter: their earlier quarters are today's rows.
    """
    own = summed[(summed["check"] == check) & (summed["rows"] >= LEAST_ROWS)]
    before, now = own[own["quarter"] < quarter], own[own["quarter"] == quarter]
    comparable = check.split(".")[0] in OF_A_QUARTER
    if len(before) < LEAST_BEFORE or now.empty or not comparable:
        return float("nan")
    y, y_now = (
        np.arcsin(np.sqrt((t["doubtful"] + 0.375) / (t["rows"] + 0.75))).to_numpy()
        for t in (before, now)
    )
    counting, counting_now = (float((1 / (4 * t["rows"] + 2)).mean()) for t in (before, now))
    between = float(y.var(ddof=1))
    variance = max(between, counting, counting_now) * (1 + 1 / len(y))
    return float(2 * stats.t.sf(abs(y_now[0] - y.mean()) / np.sqrt(variance), len(y) - 1))


def _summed(rows: pd.DataFrame) -> pd.DataFrame:
    by = ["quarter", "check"]
    return rows.groupby(by, as_index=False)[["rows", "doubtful"]].sum().sort_values(by)


def harms(effects: Effects, least: int) -> dict[str, float]:
    """To each check how far the headline that it moves most moves, in half-widths of the headline's
    interval; without those of which fewer than `least` are left out.
    """
    told: dict[str, float] = {}
    for effect in effects.rows:
        if 0 < effect.n - effect.n_without < least:
            continue
        if effect.check and (moved := _moved(effect)) is not None:
            told[effect.check] = max(told.get(effect.check, 0.0), moved)
    return told


def _moved(effect: Effect) -> float | None:
    """None where nothing is left, or the headline has no interval."""
    if effect.without is None or effect.low is None or effect.high is None:
        return None
    half = (effect.high - effect.low) / 2
    return abs(effect.without - effect.value) / half if half > 0 else None


def by_aspect(rows: pd.DataFrame) -> pd.DataFrame:
    """How many rows each aspect's checks looked at and doubted, by quarter, passes included: the
    columns `BY_ASPECT`.
    """
    told = rows.assign(aspect=[CHECKS[c][1].aspect for c in rows["check"]])
    told = told.groupby(["quarter", "aspect"], as_index=False)[["rows", "doubtful"]].sum()
    told = told.rename(columns={"rows": "checked"})
    told["share"] = told["doubtful"] / told["checked"]
    order = {aspect: place for place, aspect in enumerate(ASPECTS)}
    told = told.sort_values(["quarter", "aspect"], key=lambda c: c.map(lambda v: order.get(v, v)))
    return told[list(BY_ASPECT)].reset_index(drop=True)


def without_doubts(effects: Effects, least: int) -> pd.DataFrame:
    """Each report's headline with and without the rows that are doubted: the columns `EFFECTS`.

    least: a headline of fewer customers, answers or alerts is not shown, nor one without so few
    that what they add could be told.
    """
    rows = []
    for effect in effects.rows:
        if effect.check or min(effect.n, effect.n_without) < least:
            continue
        kind, left_out = KINDS[effect.headline], effect.n - effect.n_without
        few = 0 < left_out < least
        hidden = effect.without is None
        moved = _moved(effect)
        value = in_prose(effect.value, kind)
        if effect.low is not None and effect.high is not None:
            value = with_interval(value, in_prose(effect.low, kind), in_prose(effect.high, kind))
        rows.append(
            (
                effect.report,
                say(effect.headline),
                value,
                effect.n,
                say("not shown") if few or hidden else in_prose(effect.without or 0.0, kind),
                _left_out(left_out, least, hidden),
                "" if moved is None or few else "yes" if moved > 1 else "no",
            )
        )
    return pd.DataFrame(rows, columns=list(EFFECTS))


def _left_out(left_out: int, least: int, hidden: bool) -> str:
    if hidden:
        return say("not shown")
    return say("fewer than {n}").format(n=least) if 0 < left_out < least else f"{left_out:,}"


def unusual_days(rows: pd.DataFrame) -> pd.DataFrame:
    """The days in words: the columns `UNUSUAL_DAYS`, the furthest off first.

    rows: the columns `UNUSUAL`.
    """
    counts = ("entries", "amount")
    numbers = {
        name: [
            in_prose(v, "count" if m in counts else "number" if m == "accounts" else "share")
            for m, v in zip(rows["measure"], rows[name], strict=True)
        ]
        for name in ("found", "expected")
    }
    told = rows.assign(
        day=rows["day"].astype(str).str[:10],
        until=rows["until"].astype(str).str[:10],
        branch_id=rows["branch_id"].replace(ALL, say("The whole bank")),
        measure=[label(m) for m in rows["measure"]],
        **numbers,
    )
    order = told["far"].astype(float).abs().sort_values(ascending=False, kind="stable").index
    return told.loc[order, list(UNUSUAL_DAYS)].reset_index(drop=True)


def fix_list(doubts: pd.DataFrame, cells: pd.DataFrame) -> pd.DataFrame:
    """The rows to mend, with the key of each: the columns `FIX_LIST`.

    doubts, cells: the columns `DATA_DOUBT` and `DATA_CELL`, of a branch.
    """
    by_check = pd.DataFrame(
        {
            "table": [CHECKS[c][0] for c in doubts["check"]],
            "key": doubts["key"].to_numpy(),
            "column": [CHECKS[c][1].column for c in doubts["check"]],
            "what": [say(CHECKS[c][1].meaning) for c in doubts["check"]],
            "found": "",
            "instead": "",
        }
    )
    by_cell = cells.rename(columns={"value": "found"}).assign(
        what=[label(sign) for sign in cells["sign"]]
    )
    told = pd.concat([by_check, by_cell[list(FIX_LIST)]], ignore_index=True)
    return told[list(FIX_LIST)]


def written(texts: Texts, least: int) -> pd.DataFrame:
    """What people wrote in the quarter: the columns `WRITTEN`; tables with fewer texts than `least`
    are left out.

    chinese, identifying, left: of the texts read; repeated: of those compared.
    """
    rows = []
    for t in texts.rows:
        if t.texts < least:
            continue
        kinds = {k: n for k, n in t.identifying.items() if n >= least}
        most = sorted(kinds, key=lambda k: (-kinds[k], k))
        rows.append(
            (
                t.table,
                least * round(t.texts / least),
                round(t.letters / 1e6, 3),
                _roughly(t.chinese / t.read),
                _roughly(t.repeated / t.compared),
                listed(f"{label(k)} {_roughly(kinds[k] / t.read):.0%}" for k in most),
            )
        )
    return pd.DataFrame(rows, columns=list(WRITTEN))


def _roughly(share: float) -> float:
    """To the nearest twentieth."""
    return round(20 * share) / 20


def quarantine(broken: Mapping[str, Mapping[str, int]]) -> pd.DataFrame:
    """The rules of the contract that rows broke, and what is accepted: the columns `QUARANTINE`.

    broken: as from `DataHealthTables.rules_broken`.
    """
    rows = [
        (table, rule, accepted_values(CONTRACT[table], rule), count)
        for table, counts in broken.items()
        for rule, count in counts.items()
    ]
    return pd.DataFrame(rows, columns=list(QUARANTINE))


def assumptions() -> str:
    """What the figures rest on."""
    return sentences(
        say(
            "A doubtful row need not be wrong: each check says what it found and is a reason to "
            "look. Empty cells and what came late are counted and listed, and no headline is "
            "computed without them. Of one check a branch is told the first thousand rows, and "
            "cells are searched in 200,000 rows of a table."
        ),
        say(
            "Shares are those of all rows, so that they have no error of sampling; their interval "
            "tells how far a branch of the same quality may differ. A share counts as changed "
            "where it lies further from the quarters before than these lie from each other. Of "
            "tables whose rows belong to no quarter, such as customers, earlier quarters are "
            "today's rows of then, and are not compared."
        ),
    )
