"""Illegal acceptance of bills (非法承兑): bills without a trade behind them, whose proceeds come
back to the drawer.

Signals and look-alikes after caidao8.com 050025000105, from 中国票据网. A case needs a strong
signal (invoice cancelled or used twice, neither contract nor invoice, proceeds that come back to
the drawer over any number of accounts up to a limit, drawers in a circle) and another one; three or
more drawers in a circle need no other. A seasonal buyer, a supplier of one's own group with an
invoice for every bill, a rebate of a few per cent, and a payee who discounts early to pay its own
suppliers have no strong signal.

Bills are few: those of the window are read into memory. Payments are followed in the engine.
"""

import ibis
import pandas as pd
from ibis import _

from analysis.risk.cases import Case, Proof, Window, proof, together
from analysis.risk.related import groups, links
from analysis.risk.transfers import (
    Tables,
    in_window,
    listed,
    named,
    once,
    transfers,
    without_reversed,
)
from analysis.sources.params import Acceptance

NEEDS = ("account_holders", "customers", "bills")
MOST_CIRCLE = 4  # drawers in a circle
ALONE = (
    3  # so many drawers in a circle are a case without another reason; two may be trading partners
)
STRONG = (
    "invoice_cancelled",
    "invoice_used_twice",
    "no_papers",
    "proceeds_come_back",
    "drawers_in_a_circle",
)


def candidates(tables: Tables, window: Window, settings: Acceptance) -> dict[str, pd.DataFrame]:
    """bills: of the window, with invoice, payee and drawer. returned: payments by which proceeds
    come back to the drawer. linked: drawers and payees who share something. others: with how many
    others a drawer deals, and what it took in. earlier: bills that fell due in the window.
    has_invoices: whether the bank delivers them.
    """
    bills = _bills(tables, window)
    drawers = sorted(set(bills["drawer_id"]))
    linked = (
        links(tables, drawers) if drawers else pd.DataFrame(columns=["party", "other", "shared"])
    )
    return {
        "bills": bills,
        "returned": _followed(tables, window, bills, settings),
        "linked": linked,
        "others": _business(tables, window, drawers),
        "has_invoices": pd.DataFrame({"invoices": ["invoices" in tables]}),
    }


def _bills(tables: Tables, window: Window) -> pd.DataFrame:
    """Bills accepted or falling due in the window, each with payee (party), drawer's turnover and
    founding, invoice, and discount.
    """
    bills = tables["bills"]
    inside = (bills.accepted_on <= ibis.literal(window.last)) & (
        bills.due_on >= ibis.literal(window.first)
    )
    rows = named(bills.filter(inside), tables, "payee_account", "payee")
    rows = rows.mutate(
        amount=rows.amount.cast("float64"), margin_paid=rows.margin_paid.cast("float64")
    )
    about = tables["customers"].select(
        of_drawer="customer_id", founded_on="born_on", turnover="income"
    )
    rows = rows.left_join(about, [("drawer_id", "of_drawer")]).drop("of_drawer", "payee_name")
    rows = rows.mutate(turnover=rows.turnover.cast("float64"))
    found = rows.order_by("accepted_on", "bill_id").to_pandas()
    if "invoices" in tables:
        wanted = listed(found["invoice_id"].dropna(), "wanted")
        invoices = tables["invoices"].semi_join(wanted, [("invoice_id", "wanted")])
        invoices = invoices.select(
            "invoice_id",
            issued_on="issued_on",
            invoiced=invoices.amount.cast("float64"),
            invoice_status="status",
        )
        found = found.merge(invoices.to_pandas(), on="invoice_id", how="left")
    else:
        found = found.assign(issued_on=pd.NaT, invoiced=float("nan"), invoice_status=None)
    if "bill_events" in tables:
        events = tables["bill_events"].filter(
            (_.kind == "discounted") & (_.happened_on <= ibis.literal(window.last))
        )
        events = events.semi_join(listed(found["bill_id"], "wanted"), [("bill_id", "wanted")])
        events = named(events, tables, "proceeds_account", "discounter")
        first = events.group_by("bill_id").aggregate(
            discounted_on=_.happened_on.min(),
            proceeds=_.amount.cast("float64").max(),
            discounter=_.discounter.min(),
        )
        found = found.merge(first.to_pandas(), on="bill_id", how="left")
    else:
        found = found.assign(discounted_on=pd.NaT, proceeds=float("nan"), discounter=None)
    for day in ("accepted_on", "due_on", "issued_on", "discounted_on", "founded_on"):
        found[day] = pd.to_datetime(found[day])
    return found.sort_values(["accepted_on", "bill_id"], ignore_index=True)


def _followed(
    tables: Tables, window: Window, bills: pd.DataFrame, settings: Acceptance
) -> pd.DataFrame:
    """The payments over which the proceeds of a bill come back to its drawer.

    From the one who got the proceeds, account by account: at least `keep` of the proceeds must
    reach the next within `hop_days`, in one payment or several, over at most `hops` accounts.
    Returns bill_id, hop (from 1), the columns of payments, the days waited before each, and the
    share of what came that the payments to one payee make up.
    """
    columns = [
        "bill_id",
        "hop",
        "transaction_id",
        "payer",
        "payee",
        "booked_at",
        "amount",
        "waited",
        "share",
    ]
    start = bills[bills["discounter"].notna() & (bills["discounter"] != bills["drawer_id"])]
    frontier = pd.DataFrame(
        {
            "bill_id": start["bill_id"],
            "at_party": start["discounter"],
            "since": start["discounted_on"],
            "sum": start["proceeds"],
        }
    )
    drawer = bills.set_index("bill_id")["drawer_id"]
    moved = transfers(tables, window)
    steps: list[pd.DataFrame] = []
    for hop in range(1, settings.hops + 1):
        if frontier.empty:
            break
        paid = moved.semi_join(listed(frontier["at_party"], "at_party"), [("payer", "at_party")])
        paid = paid.filter(_.amount >= float(frontier["sum"].min()) * settings.keep / 10)
        rows = once(without_reversed(paid, moved).to_pandas()).merge(
            frontier, left_on="payer", right_on="at_party"
        )
        rows = rows.assign(
            hop=hop,
            waited=(rows["booked_at"].dt.normalize() - rows["since"].dt.normalize()).dt.days,
        )
        in_time = (rows["waited"] >= 0) & (rows["waited"] <= settings.hop_days)
        rows = rows[
            in_time
            & (rows["amount"] >= rows["sum"] * settings.keep / 10)
            & (rows["amount"] <= rows["sum"] * 1.02)
        ]
        passed = rows.groupby(["bill_id", "payer", "payee"])["amount"].transform("sum")
        rows = rows.assign(share=passed / rows["sum"])
        rows = rows[(rows["share"] >= settings.keep - 1e-9) & (rows["share"] <= 1.02)]
        steps.append(rows[columns])
        ahead = rows[rows["payee"] != rows["bill_id"].map(drawer)]
        reached = (
            ahead.groupby(["bill_id", "payee"])
            .agg(since=("booked_at", "min"), total=("amount", "sum"))
            .reset_index()
        )
        frontier = reached.rename(columns={"payee": "at_party", "total": "sum"})
        seen = {(b, p) for s in steps for b, p in zip(s["bill_id"], s["payer"], strict=True)}
        frontier = frontier[
            [
                (b, p) not in seen
                for b, p in zip(frontier["bill_id"], frontier["at_party"], strict=True)
            ]
        ]
    everything = pd.concat(steps, ignore_index=True) if steps else pd.DataFrame(columns=columns)
    return _leading_home(everything, drawer)


def _leading_home(steps: pd.DataFrame, drawer: pd.Series) -> pd.DataFrame:
    """Of the payments followed, those on a way that ends at the drawer."""
    kept, wanted = [], {(b, d) for b, d in drawer.items()}
    for hop in sorted(set(steps["hop"]), reverse=True):
        rows = steps[steps["hop"] == hop]
        mine = rows[[(b, p) in wanted for b, p in zip(rows["bill_id"], rows["payee"], strict=True)]]
        kept.append(mine)
        wanted |= set(zip(mine["bill_id"], mine["payer"], strict=True))
    return (
        pd.concat(kept, ignore_index=True).sort_values(
            ["bill_id", "hop", "transaction_id"], ignore_index=True
        )
        if kept
        else steps
    )


def _business(tables: Tables, window: Window, drawers: list[str]) -> pd.DataFrame:
    """party, others (accounts it deals with beside payees of its bills, by the account statement)
    and took_in, of the drawers.
    """
    held = (
        tables["account_holders"]
        .filter(_.role == "owner")
        .semi_join(listed(drawers, "wanted"), [("customer_id", "wanted")])
    )
    own = in_window(tables, window).join(
        held.select(own_account="account_id", party="customer_id"), [("account_id", "own_account")]
    )
    rows = own.group_by("party").aggregate(
        others=_.counterparty_account.nunique(),
        took_in=ibis.ifelse(_.amount > 0, _.amount, 0).sum().cast("float64"),
    )
    return rows.to_pandas()


def cases(found: dict[str, pd.DataFrame], settings: Acceptance) -> list[Case]:
    """The cases among the candidates, bank-wide: drawers, and those drawn together by a circle or
    by what they share.
    """
    bills = found["bills"]
    if bills.empty:
        return []
    invoices = bool(found["has_invoices"]["invoices"].iloc[0])
    bills = bills.assign(invoice_uses=bills.groupby("invoice_id")["bill_id"].transform("nunique"))
    circle = drawers_in_a_circle(bills)
    home = proceeds_come_back(bills, found["returned"], settings)
    strong = pd.concat(
        [rows for code, rows in papers(bills, settings).items() if invoices and code in STRONG]
        or [bills.head(0)]
    )
    in_question = {
        *strong["drawer_id"],
        *bills.loc[bills["bill_id"].isin({*circle, *home["bill_id"]}), "drawer_id"],
    }
    came_home = (
        dict(
            list(
                home[
                    home["payee"] == home["bill_id"].map(bills.set_index("bill_id")["drawer_id"])
                ].groupby("payee")
            )
        )
        if len(home)
        else {}
    )
    of_drawer: dict[str, dict[str, pd.DataFrame]] = {}
    for drawer, drawn in bills[bills["drawer_id"].isin(in_question)].groupby(
        "drawer_id", sort=True
    ):
        signals = {
            **(papers(drawn, settings) if invoices else {"no_contract": no_contract(drawn)}),
            "related_parties": related_parties(drawn, found["linked"]),
            "rolled_over": rolled_over(drawn, settings),
            "beyond_turnover": beyond_turnover(drawn, settings),
            "new_company": new_company(drawn, settings),
            "no_other_business": no_other_business(drawn, found["others"], settings),
            "drawers_in_a_circle": drawn[drawn["bill_id"].isin(circle)],
            "proceeds_come_back": drawn[drawn["bill_id"].isin(home["bill_id"])],
            "pays_the_next_margin": pays_the_next_margin(
                drawn, came_home.get(drawer, home.head(0)), settings
            ),
            "redeems_another": redeems_another(
                drawn, came_home.get(drawer, home.head(0)), settings
            ),
        }
        of_drawer[str(drawer)] = {code: rows for code, rows in signals.items() if len(rows)}
    alone = {
        d
        for d, s in of_drawer.items()
        if "drawers_in_a_circle" in s
        and max(circle[b] for b in s["drawers_in_a_circle"]["bill_id"]) >= ALONE
    }
    flagged = {
        d: s for d, s in of_drawer.items() if set(s) & set(STRONG) and (len(s) >= 2 or d in alone)
    }
    pairs = [
        (d, p)
        for d, s in flagged.items()
        if "drawers_in_a_circle" in s
        for p in s["drawers_in_a_circle"]["payee"]
        if p in flagged
    ]
    group_of = groups(pairs, flagged)
    made = []
    for group in sorted(set(group_of.values())):
        drawers = [d for d, g in group_of.items() if g == group]
        reasons: dict[str, list[Proof]] = {}
        for drawer in drawers:
            for code, rows in flagged[drawer].items():
                reasons.setdefault(code, []).append(
                    proof(
                        rows, "bills", "bill_id", "accepted_on", "drawer_id", "payee", "invoice_id"
                    )
                )
        mine = home[home["bill_id"].isin(bills.loc[bills["drawer_id"].isin(drawers), "bill_id"])]
        if len(mine):
            reasons["proceeds_come_back"].append(proof(mine, "transactions", note="bill_id"))
        papers_ = pd.concat(rows for d in drawers for rows in flagged[d].values()).drop_duplicates(
            "bill_id"
        )
        roles = {
            **dict.fromkeys(sorted(set(mine["payer"]) | set(mine["payee"])), "between"),
            **dict.fromkeys(sorted(set(papers_["payee"].dropna())), "payee"),
            **dict.fromkeys(drawers, "drawer"),
        }
        made.append(
            Case(
                sorted(drawers),
                {c: together(*r) for c, r in reasons.items()},
                roles,
                float(round(papers_["amount"].sum(), 2)),
                ", ".join(sorted(drawers)[:3]),
                {
                    "bills": len(papers_),
                    "come_back": float(
                        round(mine.loc[mine["payee"].isin(drawers), "amount"].sum(), 2)
                    ),
                },
            )
        )
    return made


# --- signals: each takes the bills of a drawer and returns those that show it
# ------------------------------------------


def papers(drawn: pd.DataFrame, settings: Acceptance) -> dict[str, pd.DataFrame]:
    """What is wrong with the contracts and invoices behind the bills."""
    has = drawn["invoice_id"].notna() & drawn["invoiced"].notna()
    apart = (drawn["issued_on"] - drawn["accepted_on"]).dt.days.abs()
    differs = ((drawn["invoiced"] / drawn["amount"] - 1).abs() > settings.invoice_tolerance) | (
        apart > settings.invoice_days
    )
    used_twice = drawn["invoice_uses"] > 1
    return {
        "no_papers": drawn[~has & drawn["contract_reference"].isna()],
        "no_invoice": drawn[~has & drawn["contract_reference"].notna()],
        "no_contract": no_contract(drawn[has]),
        "invoice_cancelled": drawn[has & (drawn["invoice_status"] == "cancelled")],
        "invoice_used_twice": drawn[used_twice],
        "invoice_differs": drawn[has & differs & ~used_twice],
    }


def no_contract(drawn: pd.DataFrame) -> pd.DataFrame:
    """Bills without a contract."""
    return drawn[drawn["contract_reference"].isna()]


def related_parties(drawn: pd.DataFrame, linked: pd.DataFrame) -> pd.DataFrame:
    """Bills to payees who share a telephone, address or authorised person with the drawer, or who
    are the drawer.
    """
    drawer = drawn["drawer_id"].iloc[0]
    others = set(linked.loc[linked["party"] == drawer, "other"]) | {drawer}
    return drawn[drawn["payee"].isin(others)]


def drawers_in_a_circle(bills: pd.DataFrame) -> dict[str, int]:
    """Bills by which two to four drawers draw on each other in a circle, each pair of them twice or
    more: bill to drawers in its smallest circle.
    """
    counted = (
        bills[bills["payee"].notna() & (bills["payee"] != bills["drawer_id"])]
        .groupby(["drawer_id", "payee"])["bill_id"]
        .nunique()
    )
    onward: dict[str, list[str]] = {}
    for drawer, payee in counted.index[counted >= 2]:
        onward.setdefault(str(drawer), []).append(str(payee))
    ways: dict[tuple[str, str], int] = {}
    for start in onward:
        chains = [[start]]
        for _hop in range(MOST_CIRCLE):
            longer = []
            for chain in chains:
                for payee in onward.get(chain[-1], []):
                    if payee == start:
                        for way in zip(chain, [*chain[1:], start], strict=True):
                            ways[way] = min(len(chain), ways.get(way, len(chain)))
                    elif payee not in chain:
                        longer.append([*chain, payee])
            chains = longer
    return {
        str(b): ways[(d, p)]
        for b, d, p in zip(bills["bill_id"], bills["drawer_id"], bills["payee"], strict=True)
        if (d, p) in ways
    }


def proceeds_come_back(
    bills: pd.DataFrame, returned: pd.DataFrame, settings: Acceptance
) -> pd.DataFrame:
    """The payments over which at least `keep` of a bill's proceeds come back to the drawer, with
    bill_id.
    """
    if returned.empty:
        return returned
    about = bills.set_index("bill_id")
    fits = returned[
        (returned["waited"] <= settings.hop_days) & (returned["share"] >= settings.keep - 1e-9)
    ]
    returned = _leading_home(fits, about["drawer_id"])
    last = returned[returned["payee"] == returned["bill_id"].map(about["drawer_id"])]
    came = last.groupby("bill_id")["amount"].sum()
    enough = came[came >= settings.keep * about["proceeds"].reindex(came.index)]
    return returned[returned["bill_id"].isin(enough.index)]


def pays_the_next_margin(
    drawn: pd.DataFrame, came: pd.DataFrame, settings: Acceptance
) -> pd.DataFrame:
    """Bills whose margin is covered by proceeds of an earlier one that came back within
    `margin_days` before, or since.
    """
    back = came.groupby("bill_id").agg(at=("booked_at", "max"), amount=("amount", "sum"))
    found = []
    for bill, row in back.iterrows():
        later = drawn[
            (drawn["accepted_on"] >= row["at"].normalize())
            & (drawn["bill_id"] != bill)
            & (drawn["margin_paid"] > 0)
        ].head(1)
        days = (later["accepted_on"] - row["at"].normalize()).dt.days
        found.append(
            later[(later["margin_paid"] <= row["amount"]) & (days <= 4 * settings.margin_days)]
        )
    rows = [f for f in found if len(f)]
    return pd.concat(rows).drop_duplicates("bill_id") if rows else drawn.head(0)


def redeems_another(drawn: pd.DataFrame, came: pd.DataFrame, settings: Acceptance) -> pd.DataFrame:
    """Bills that fall due within `margin_days` after the proceeds of another one came back."""
    back = came.groupby("bill_id")["booked_at"].max()
    hits = [
        drawn[
            (drawn["bill_id"] != bill)
            & ((drawn["due_on"] - at.normalize()).dt.days.between(0, settings.margin_days))
        ]
        for bill, at in back.items()
    ]
    rows = [h for h in hits if len(h)]
    return pd.concat(rows).drop_duplicates("bill_id") if rows else drawn.head(0)


def beyond_turnover(drawn: pd.DataFrame, settings: Acceptance) -> pd.DataFrame:
    """All bills, where those of the last year come to more than `turnover_share` of the yearly
    turnover.
    """
    year = drawn[drawn["accepted_on"] > drawn["accepted_on"].max() - pd.Timedelta(days=365)]
    turnover = year["turnover"].max()
    return (
        year
        if turnover > 0 and year["amount"].sum() > settings.turnover_share * turnover
        else drawn.head(0)
    )


def rolled_over(drawn: pd.DataFrame, settings: Acceptance) -> pd.DataFrame:
    """Bills to a payee accepted around the day an earlier one to the same payee falls due, at least
    `rolling_times`.
    """
    both = drawn.merge(
        drawn[["payee", "bill_id", "due_on", "amount"]], on="payee", suffixes=("", "_old")
    )
    apart = (both["accepted_on"] - both["due_on_old"]).dt.days
    rolled = both[
        (both["bill_id"] != both["bill_id_old"])
        & apart.between(-settings.rolling_days, settings.rolling_days)
        & (both["amount"] >= 0.9 * both["amount_old"])
    ]
    hits = drawn[drawn["bill_id"].isin(rolled["bill_id"])]
    return hits if len(hits) >= settings.rolling_times else hits.head(0)


def new_company(drawn: pd.DataFrame, settings: Acceptance) -> pd.DataFrame:
    """Bills of a company founded less than `new_days` before."""
    return drawn[(drawn["accepted_on"] - drawn["founded_on"]).dt.days <= settings.new_days]


def no_other_business(
    drawn: pd.DataFrame, others: pd.DataFrame, settings: Acceptance
) -> pd.DataFrame:
    """Bills of a company that deals with hardly anybody else."""
    dealt = others.set_index("party")["others"].get(drawn["drawer_id"].iloc[0], 0)
    return drawn if dealt < settings.min_business else drawn.head(0)
