"""Wrong cells, found from the table itself: nobody has to say what is right.

Five signs, each of which says why. A value is written unlike nearly all others of its column, or
with a unit where others have another or none (pattern); it is rare and one slip from a frequent one
(typo); another column, which nearly always settles this one, says something else (dependency;
functional dependencies that hold approximately, Huhtala and others 1999); it holds what belongs
into another column, which is empty (two in one); it lies far outside the column's numbers (outlier,
by the adjusted boxplot of Hubert and Vandervieren 2008 on the scale of magnitude). What the column
is for is not known: a sign is a reason to look.
"""

import re
from collections.abc import Iterator

import duckdb
import numpy as np
import pandas as pd

PATTERN, TYPO, DEPENDENCY = "pattern", "typo", "dependency"
TWO_IN_ONE, OUTLIER, NO_VALUE = "two_in_one", "outlier", "no_value"

#: A cell that looks wrong: its row (as in the index), what says so, and what should perhaps stand
#: there instead (empty where that is not known).
WRONG_CELL = {"row": "str", "column": "str", "value": "str", "sign": "str", "instead": "str"}

#: A cell that looks wrong, by branch.
DATA_CELL = {
    "branch_id": "string",
    "table": "string",
    "key": "string",
    **{c: "string" for c in WRONG_CELL if c != "row"},
}

#: Words that stand for nothing where a column has other values.
NOTHING = re.compile(r"(?i)\s*(n/?a|null|none|nan|nil|unknown|\?+|-+|\.+|不详|无|未知)\s*")
#: Share of a column's cells that is written in the usual ways, and of an unusual way at most.
USUAL, UNUSUAL = 0.9, 0.02
MOST_USUAL = 4  # ways of writing that may count as usual
#: A typo is so much rarer than what it was meant to be, which stands in at least so many rows.
TIMES_RARER, LEAST_MEANT = 8, 8
#: In so many rows the same typo may stand, or in so large a share of them.
MOST_TYPOS, SHARE_OF_TYPOS = 3, 0.002
LEAST_LETTERS = 4  # of a value, for a slip to be told from another word
MOST_VALUES = 20_000  # different values of a column that are compared
#: A column settles another where so large a share of the rows agrees with most of their group, and
#: far more than would by chance; and enough rows have others in their group.
SETTLES, NOT_BY_CHANCE, LEAST_GROUPED = 0.9, 0.5, 0.3
#: What a group agrees on: share of its rows, and how many at least.
AGREES, LEAST_AGREED = 0.65, 2
FILLED = 0.9  # share of a column's cells from which on an empty one is a gap
#: A number is an outlier beyond so many times the spread.
FAR_OUT = 3.0
#: And so many times as large as nineteen in twenty, or as small.
TIMES_LARGER = 10
NUMBER = re.compile(r"[-+]?\d[\d,]*\.?\d*")
WITH_UNIT = re.compile(r"([-+]?\d[\d,]*\.?\d*)\s*([^\d\s.,][^\d]*)")
MOST_UNITS = 12  # of a column; what follows its numbers otherwise are words
WORDS = ("a", "字")  # shapes of what is written in words
#: Codes of one length are no quantities.
ONE_LENGTH = 0.95
#: A value so rare may be wrong where all others of its group say something frequent.
RARE_VALUE, ALL_OTHERS, LEAST_OTHERS = 0.02, 0.8, 3


def wrong_cells(rows: pd.DataFrame) -> pd.DataFrame:
    """The cells that look wrong: the columns `WRONG_CELL`, each cell once, by its strongest sign.

    rows: text; an empty cell is missing or "". The index is what `row` names.
    """
    text = rows.astype("string").fillna("").map(lambda v: v.strip())
    found = [
        *_two_in_one(text),
        *_dependencies(text),
        *(cell for column in text for cell in _of_column(text[column])),
    ]
    told = pd.DataFrame(found, columns=list(WRONG_CELL))
    told = told.drop_duplicates(["row", "column"]).sort_values(["row", "column"])
    return told.reset_index(drop=True)


Cell = tuple[object, str, str, str, str]


def _of_column(values: pd.Series) -> Iterator[Cell]:
    name = str(values.name)
    filled = values[values != ""]
    nothing = filled[filled.map(lambda v: bool(NOTHING.fullmatch(v)))]
    if len(nothing) < len(filled):
        yield from ((row, name, v, NO_VALUE, "") for row, v in nothing.items())
    filled = filled.drop(nothing.index)
    if filled.empty:
        return
    counts = filled.value_counts()
    yield from _typos(filled, counts)
    yield from _patterns(filled)
    yield from _outliers(filled)


def shape_of(value: str) -> str:
    """How a value is written: numbers as 9, runs of letters as a, of Chinese as 字, of blanks as
    one, the rest as it is.
    """
    shape = re.sub(r"[^\W\d_]+", lambda m: "字" if m[0] > "\u2e80" else "a", value)
    shape = re.sub(r"\d+(?:\.\d+)?", "9", shape)
    shape = re.sub(r"\s+", " ", shape)
    return re.sub(r"(?:(?:a|字)[ '’&-]+)+(?=a|字)", "", shape)  # several words are as one


def _patterns(filled: pd.Series) -> Iterator[Cell]:
    shapes = filled.map(shape_of)
    name = str(filled.name)
    with_unit = filled.map(lambda v: bool(WITH_UNIT.fullmatch(v)))
    plain = filled.map(lambda v: bool(NUMBER.fullmatch(v)))
    if with_unit.any() and (with_unit | plain).mean() >= USUAL:
        units = filled[with_unit].map(lambda v: WITH_UNIT.fullmatch(v)[2])  # type: ignore[index]
        commonest = units.value_counts(normalize=True)
        if len(commonest) > MOST_UNITS:
            return
        one_unit = commonest.iloc[0] >= USUAL and plain.mean() <= 1 - USUAL
        odd = units[units != commonest.index[0]].index if one_unit else units.index
        for row in odd:
            number = WITH_UNIT.fullmatch(filled[row])[1]  # type: ignore[index]
            yield row, name, filled[row], PATTERN, number if not one_unit else ""
        filled = filled.drop(units.index)
        shapes = shapes[filled.index]
    share = shapes.value_counts(normalize=True)
    usual = share[share > UNUSUAL].head(MOST_USUAL)
    if usual.sum() < USUAL or usual.index[0] in WORDS:  # words may be written in any way
        return
    for row in shapes.index[~shapes.isin(usual.index) & shapes.map(share).le(UNUSUAL)]:
        yield row, name, filled[row], PATTERN, ""


def _typos(filled: pd.Series, counts: pd.Series) -> Iterator[Cell]:
    most = max(MOST_TYPOS, SHARE_OF_TYPOS * len(filled))
    rare = counts[(counts <= most) & (counts.index.str.len() >= LEAST_LETTERS)]
    meant = counts[counts >= LEAST_MEANT]
    if rare.empty or meant.empty or len(counts) > MOST_VALUES:
        return
    frames = {
        "rare": pd.DataFrame({"value": rare.index, "n": rare.to_numpy()}),
        "meant": pd.DataFrame({"value": meant.index, "n": meant.to_numpy()}),
    }
    with duckdb.connect() as con:
        for name, frame in frames.items():
            con.register(name, frame.astype({"value": "object"}))
        pairs = con.execute(
            "select r.value, first(m.value order by damerau_levenshtein(lower(r.value), "
            "lower(m.value)), m.n desc, m.value) from rare r join meant m on "
            "abs(length(r.value) - length(m.value)) <= 2 and m.n >= ? * r.n and "
            # numbers that follow each other are no slips
            "regexp_replace(r.value, '[^0-9]', '', 'g') = regexp_replace(m.value, '[^0-9]', '', "
            "'g') and damerau_levenshtein(lower(r.value), lower(m.value)) <= "
            "case when length(r.value) >= 8 then 2 else 1 end group by 1",
            [TIMES_RARER],
        ).fetchall()
    instead = dict(pairs)
    for row, value in filled[filled.isin(list(instead))].items():
        yield (row, str(filled.name), value, TYPO, instead[value])


def _dependencies(text: pd.DataFrame) -> Iterator[Cell]:
    """Cells that say something else than the columns that settle theirs; where several columns
    settle it, most of them have to agree.
    """
    columns = [c for c in text if 1 < text[c].nunique() <= MOST_VALUES]
    codes = {c: pd.factorize(text[c])[0] for c in columns}
    for settled in columns:
        says = codes[settled]
        frequency = np.bincount(says) / len(text)
        by_chance, rare = frequency.max(), frequency[says] <= RARE_VALUE
        against = np.zeros(len(text), dtype=int)
        asked = np.zeros(len(text), dtype=int)
        instead = np.full(len(text), -1)
        for settling in columns:
            if settling == settled:
                continue
            usual, share, size = _usual_of_group(codes[settling], says)
            empty = (text[settling] == "").to_numpy()
            grouped = (size > 1) & ~empty
            if grouped.mean() < LEAST_GROUPED:
                continue
            agreed = (says == usual)[grouped].mean()
            if agreed < SETTLES:
                continue
            if agreed - by_chance >= NOT_BY_CHANCE * (1 - by_chance):
                knows = grouped & (share >= AGREES) & (share * size >= LEAST_AGREED)
            else:  # what nearly all say tells only of what hardly any says
                knows = grouped & rare & (share >= ALL_OTHERS) & (share * size >= LEAST_OTHERS)
            asked += knows
            differs = knows & (says != usual)
            against += differs
            instead = np.where(differs, usual, instead)
        wrong = (against > 0) & (2 * against >= asked)
        values = text[settled].to_numpy()
        told = pd.Series(values).groupby(says).first()
        for place in np.flatnonzero(wrong):
            meant = str(told.get(instead[place], ""))
            yield (text.index[place], str(settled), values[place], DEPENDENCY, meant)


def _usual_of_group(
    groups: np.ndarray, says: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """To each row the most frequent value of its group, that value's share, and the group's
    size.
    """
    rows = pd.DataFrame({"group": groups, "says": says})
    counts = rows.value_counts(["group", "says"]).reset_index()
    counts = counts.sort_values(["group", "count", "says"], ascending=[True, False, True])
    best = counts.drop_duplicates("group").set_index("group")
    size = counts.groupby("group")["count"].sum()
    of_row = best.loc[groups]
    sizes = size.loc[groups].to_numpy()
    return of_row["says"].to_numpy(), of_row["count"].to_numpy() / sizes, sizes


def _two_in_one(text: pd.DataFrame) -> Iterator[Cell]:
    """Cells that end with a value of another column, which is empty in their row."""
    for other in text:
        gaps = text[other] == ""
        known = text.loc[~gaps, other].value_counts()
        if not 0 < gaps.sum() <= (1 - FILLED) * len(text) or len(known) > MOST_VALUES:
            continue
        for column in text.columns.drop(other):
            values = text.loc[gaps, column]
            last = values.str.rsplit(n=1)
            for row, parts in last.items():
                if len(parts) == 2 and parts[1] in known.index:
                    yield (row, str(column), values[row], TWO_IN_ONE, parts[0])
                    yield (row, str(other), "", TWO_IN_ONE, parts[1])


def _outliers(filled: pd.Series) -> Iterator[Cell]:
    numbers = pd.to_numeric(filled.str.replace(",", ""), errors="coerce")
    lengths = filled.str.len().value_counts(normalize=True)
    if numbers.notna().mean() < USUAL or numbers.nunique() < 20 or lengths.iloc[0] >= ONE_LENGTH:
        return
    size = np.arcsinh(numbers[numbers != 0].dropna())  # nothing is a value of its own
    fifth, low, middle, high, highest = size.quantile([0.05, 0.25, 0.5, 0.75, 0.95])
    spread = high - low
    if spread <= 0:
        return
    # Bowley's measure of skewness in place of the medcouple, which compares all pairs
    skew = float(np.clip(((high - middle) - (middle - low)) / spread, -0.9, 0.9))
    up, down = (3.0, -4.0) if skew >= 0 else (4.0, -3.0)
    top = max(high + FAR_OUT * np.exp(up * skew) * spread, highest + np.log(TIMES_LARGER))
    bottom = min(low - FAR_OUT * np.exp(down * skew) * spread, fifth - np.log(TIMES_LARGER))
    for row in size.index[(size > top) | (size < bottom)]:
        yield row, str(filled.name), filled[row], OUTLIER, ""
