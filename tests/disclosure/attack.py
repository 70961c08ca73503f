"""What somebody works out who has the pages of all branches and of the bank: counts that no page
shows, from those that the pages do. It knows how the counts hang together, and nothing else of the
program: figures come from what pages are made of, and are held against the marts.
"""

from itertools import product

import duckdb
import numpy as np
import pandas as pd
from bs4 import BeautifulSoup
from scipy.optimize import linprog
from scipy.sparse import csr_array

from analysis.changes import findings as changes
from analysis.opportunities import findings as opportunities
from analysis.opportunities.reads import OpportunityTables
from analysis.partition import ALL
from analysis.retention import findings as retention
from analysis.segmentation import findings as segmentation
from analysis.segmentation.scoring import DORMANT, LEFT, NEW

Key = tuple[str, ...]


class Tables(OpportunityTables):
    pass


def counted(bank, mart: str, quarter: str, *by: str, where: str = "true") -> dict[Key, int]:
    """How many rows of a mart there are, by branch and the columns, and over all branches."""
    files = bank.data_folder / "marts" / mart / f"quarter={quarter}" / "*" / "*.parquet"
    if not list(files.parent.parent.glob("*/*.parquet")):
        return {}
    rows = duckdb.sql(
        f"SELECT {', '.join(('branch_id', *by))}, count(*) FROM "
        f"read_parquet('{files}', hive_partitioning = false) WHERE {where} GROUP BY ALL"
    ).fetchall()
    counts = {tuple(row[:-1]): row[-1] for row in rows}
    for key, n in list(counts.items()):
        counts[ALL, *key[1:]] = counts.get((ALL, *key[1:]), 0) + n
    return counts


def truth(bank, quarter: str) -> dict[Key, int]:
    """Every count there is: (branch, what, ...) to how many; moves that nobody made are 0."""
    tables = {
        "group": counted(bank, "customer_segment", quarter, "customer_type", "segment"),
        "type": counted(bank, "customer_segment", quarter, "customer_type"),
        "customers": counted(bank, "customer_segment", quarter),
        "active": counted(bank, "customer_segment", quarter, where=f"segment <> '{DORMANT}'"),
        "origin": counted(
            bank, "customer_move", quarter, "customer_type", "was", where=f"was <> '{NEW}'"
        ),
        "move": counted(bank, "customer_move", quarter, "customer_type", "was", "became"),
        "event": counted(bank, "customer_event", quarter, "event"),
        "active_before": counted(bank, "customer_left", quarter),
        "left": counted(bank, "customer_left", quarter, where='"left"'),
        "holders": counted(bank, "customer_product", quarter, "product_id"),
        "new_holders": counted(bank, "customer_product", quarter, "product_id", where="new"),
    }
    counts = {(b, what, *key): n for what, t in tables.items() for (b, *key), n in t.items()}
    branches = {key[0] for key in counts}
    of_branch = {key[0]: n for key, n in counts.items() if key[1] == "customers"}
    for key in [key for key in counts if key[1] == "holders"]:
        if lacking := of_branch[key[0]] - counts[key]:
            counts[key[0], "lacking", key[2]] = lacking
    for what in ("event", "group"):
        told = {key[2:] for key in counts if key[1] == what}
        for b, key in product(branches, told):
            counts.setdefault((b, what, *key), 0)
    moved = {key[2:] for key in counts if key[1] == "move"}
    for b, (kind, was, _), (of, _, became) in product(branches, moved, moved):
        if kind == of and (was, became) != (NEW, LEFT):  # no page tells that nobody moved so
            counts.setdefault((b, "move", kind, was, became), 0)
    for b in branches:
        if any(key[1] == "left" for key in counts):
            counts.setdefault((b, "left"), 0)
    return counts


def shown(bank, quarter, min_cell: int) -> dict[Key, float]:
    """What the pages of all branches and of the bank say."""
    figures: dict[Key, float] = {}
    branches = Tables(bank, ALL, quarter).branches["branch_id"]
    previous = str(quarter.previous)
    for branch in (ALL, *branches):
        p = Tables(bank, branch, quarter)
        page: dict[Key, float] = {}
        sizes = segmentation.group_sizes(p.segment_counts, str(quarter), previous, min_cell)
        for r in sizes.dropna(subset=["customers"]).itertuples():
            page["group", r.customer_type, r.segment] = r.customers
            page["type", r.customer_type] = round(r.customers / r.share)
        moves = changes.migration(p.moves, str(quarter), min_cell)
        for r in moves.itertuples():
            page["move", r.customer_type, r.was, r.became] = r.customers
            page["origin", r.customer_type, r.was] = r.of
        now = changes.active_customers(p.segment_counts, str(quarter))
        before = changes.active_customers(p.segment_counts, previous)
        rates = changes.event_rates(
            p.event_counts, now, before, str(quarter), previous, bank.events, min_cell
        )
        names = {e.title: e.name for e in bank.events}
        for r in rates.itertuples():
            page["event", names[r.event]] = r.customers
            page["active",] = r.of if r.of == r.of else page.get(("active",), np.nan)
        left = retention.departure_table(p.departures, branch, min_cell)
        left = left[left["quarter"] == str(quarter)] if len(left) else left
        for r in left.itertuples():
            figures[r.branch_id, "active_before"] = r.customers
            figures[r.branch_id, "left"] = r.left
        if p.customer_count >= min_cell and not p.hides("customers"):
            page["customers",] = p.customer_count
        of_quarter = {str(quarter): p.customer_count} if ("customers",) in page else {}
        held = opportunities.holders_table(
            p.holders, of_quarter, str(quarter), previous, {}, min_cell
        )
        for r in held.dropna(subset=["holders"]).itertuples():
            page["holders", r.product] = r.holders
            if p.customer_count > r.holders:
                page["lacking", r.product] = p.customer_count - r.holders
        for r in held.dropna(subset=["new"]).itertuples():
            page["new_holders", r.product] = r.new
        figures |= {(branch, *key): value for key, value in page.items()}
    return {key: value for key, value in figures.items() if value == value}


def sums(counts: dict[Key, int]) -> list[tuple[Key, list[Key]]]:
    """Which counts add up to which: total and parts."""
    totals: dict[tuple[Key, str], list[Key]] = {}

    def tie(total: Key, kind: str, part: Key) -> None:
        if total in counts:
            totals.setdefault((total, kind), []).append(part)

    for key in counts:
        branch, what, *told = key
        if branch != ALL:
            tie((ALL, what, *told), "branches", key)
        if what == "holders" and (branch, "lacking", told[0]) in counts:
            for part in (key, (branch, "lacking", told[0])):
                tie((branch, "customers"), f"holders of {told[0]}", part)
        if what == "type":
            tie((branch, "customers"), "types", key)
        if what == "group":
            tie((branch, "type", told[0]), "groups", key)
            if told[1] != DORMANT:
                tie((branch, "active"), "groups", key)
        if what == "move":
            kind, was, became = told
            if was != NEW:
                tie((branch, "origin", kind, was), "moves", key)
            if became != LEFT:
                tie((branch, "group", kind, became), "moves", key)
    return [
        (total, parts)
        for (total, _kind), parts in totals.items()
        if sum(counts[p] for p in parts) == counts[total]
    ]


def worked_out(
    counts: dict[Key, int], figures: dict[Key, float], targets: list[Key]
) -> dict[Key, tuple[float, float]]:
    """The least and the most that each target can be, by linear programming over all figures."""
    place = {key: i for i, key in enumerate(counts)}
    rows, columns, signs = [], [], []
    ties = sums(counts)
    for number, (total, parts) in enumerate(ties):
        for key, sign in [(total, -1.0), *[(p, 1.0) for p in parts]]:
            rows.append(number)
            columns.append(place[key])
            signs.append(sign)
    equal = csr_array((signs, (rows, columns)), shape=(len(ties), len(counts)))
    # that nobody left is told, so where nothing is told somebody did
    bounds = [
        (figures[k], figures[k]) if k in figures else (int(k[1] == "left" and n > 0), None)
        for k, n in counts.items()
    ]
    found = {}
    for key in targets:
        goal = np.zeros(len(counts))
        goal[place[key]] = 1.0
        least, most = (
            linprog(side * goal, A_eq=equal, b_eq=np.zeros(len(ties)), bounds=bounds)
            for side in (1.0, -1.0)
        )
        assert least.status == 0 and most.status in (0, 3), (key, least.message, most.message)
        found[key] = (least.fun, -most.fun if most.status == 0 else np.inf)
    return found


NOT_COUNTED = ("Quarters", "Tenth", "Groups")


def subtracted(pages: dict[str, dict[str, pd.DataFrame]]) -> list[str]:
    """What is told by the bank's page less those of the branches: a sentence for each count of
    fewer than ten (three who left) that follows. pages: branch to title to table, see `printed`.
    """
    told = []
    for title, whole in pages[ALL].items():
        branches = {b: tables[title] for b, tables in pages.items() if b != ALL and title in tables}
        for column in whole.columns:
            total = counts_in(whole, column)
            parts = {b: counts_in(t, column) for b, t in branches.items() if column in t}
            if column in NOT_COUNTED or not total or not parts:
                continue
            rests = {
                key: (n - sum(p.get(key, 0) for p in parts.values()), _missing(parts, key))
                for key, n in total.items()
            }
            if any(rest < 0 or (rest and not missing) for rest, missing in rests.values()):
                continue  # not a sum over branches
            told += [
                f"{title}: {column} of {', '.join(key)}: {rest:g} in {missing}"
                for key, (rest, missing) in rests.items()
                if missing and 0 < rest < (3 if column == "Left" else 10)
            ]
    return told


def _missing(parts: dict[str, dict[Key, float]], key: Key) -> list[str]:
    return [b for b, of_branch in parts.items() if key not in of_branch]


def counts_in(table: pd.DataFrame, column: str) -> dict[Key, float]:
    """The whole numbers of a column by what the row is of."""
    values = zip(table.index, table[column], strict=True)
    return {key: n for key, text in values if (n := number(text)) is not None}


def number(text: str) -> float | None:
    """A whole number as pages print it; None of anything else."""
    digits = text.replace(",", "")
    return float(digits) if digits.isdigit() else None


def printed(page: str) -> dict[str, pd.DataFrame]:
    """The tables of a page as printed: title to its numbers as texts, the texts beside them as the
    index.
    """
    tables = {}
    for table in BeautifulSoup(page, "html.parser").find_all("table"):
        heads, rows = table.select("thead th"), table.select("tbody tr")
        if not table.caption or not heads:
            continue
        keys = [i for i, head in enumerate(heads) if "left" in head["class"]]
        texts = [[cell.get_text() for cell in tr.find_all(["th", "td"])] for tr in rows]
        numbers = pd.DataFrame(
            {
                head.get_text(): [row[i] for row in texts]
                for i, head in enumerate(heads)
                if i not in keys
            }
        )
        numbers.index = pd.Index(
            [tuple(row[i] for i in keys) for row in texts], tupleize_cols=False
        )
        tables[table.caption.get_text()] = numbers
    return tables
