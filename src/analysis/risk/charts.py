"""Charts of the investigations: who paid whom, when, how often alerts were right, and what other
thresholds would give.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import matplotlib.dates as mdates
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch
from matplotlib.ticker import MaxNLocator

from analysis.language import listed, money, say, with_currency, within
from analysis.report.figure import BACK, Figure, amount_ticks
from analysis.risk.words import label, severity, threshold

MOST_PARTIES = 40
ENOUGH = 10  # decisions of which a share says something
LINE, LINES = 0.25, 0.36  # inches that a party takes beside its column, and above its dot
#: Behind a text that lies on lines.
BEHIND = {"boxstyle": "round,pad=0.1", "fc": BACK, "ec": "none", "alpha": 0.8}
Colours = Sequence[tuple[float, float, float]]
#: Roles from left to right.
PLACES = {
    "funder": 0,
    "payer": 1,
    "borrower": 2,
    "merchant": 0,
    "between": 1,
    "holder": 2,
    "investor": 0,
    "collecting": 1,
    "collecting_and_paying_back": 1,
    "transit": 2,
    "paying_back": 3,
    "drawer": 0,
    "payee": 1,
}


@dataclass(frozen=True)
class Layout:
    """Where the parties of a case stand."""

    columns: dict[int, list[str]]  # by PLACES, the parties with the most money first
    tallest: int  # parties of the longest column

    @classmethod
    def of(cls, parties: list[str], role: Mapping[str, str]) -> "Layout":
        """Parties in columns by their part; parties: those with the most money first."""
        columns: dict[int, list[str]] = {}
        for party in parties:
            columns.setdefault(PLACES.get(role[party], 1), []).append(party)
        columns = dict(sorted(columns.items()))
        return cls(columns, max(map(len, columns.values()), default=1))

    @property
    def height(self) -> float:
        """Inches that the columns take, so that what stands above a dot has room."""
        between = list(self.columns.values())[1:-1]
        return max([LINE * self.tallest, *(LINES * len(column) for column in between)])

    @property
    def last(self) -> int:
        """The number of the last column."""
        return max(len(self.columns) - 1, 0)

    def at(self) -> dict[str, tuple[int, float]]:
        """Party to its column and how far up it stands."""
        return {
            party: (across, (up + 0.5) * self.tallest / len(parties))
            for across, parties in enumerate(self.columns.values())
            for up, party in enumerate(parties)
        }


def flow_chart(
    alert_id: str, flows: pd.DataFrame, parties: pd.DataFrame, at_stake: float
) -> Figure | None:
    """Who paid whom in a case: parties in columns by their part, lines as wide as the money, with
    sums and months beside each party.

    flows: as from `findings.payments`. at_stake: the amount. At most forty parties are drawn, those
    with the most money. None where no payment between two parties is among the evidence.
    """
    role = dict(zip(parties["party"], parties["role"], strict=True))
    sums = _sums(flows)
    sums = sums[sums["payer"].isin(role) & sums["payee"].isin(role)]
    if sums.empty:
        return None
    paid, received = (sums.groupby(side)["amount"].sum() for side in ("payer", "payee"))
    moved = pd.concat([paid, received]).groupby(level=0).sum()
    many = ("investor", "borrower", "holder")
    ranked = sorted(moved.index, key=lambda p: (role[p] in many, -moved[p], p))
    shown = sorted(ranked[:MOST_PARTIES], key=lambda p: (-moved[p], p))
    sums = sums[sums["payer"].isin(shown) & sums["payee"].isin(shown)]
    layout = Layout.of(shown, role)
    drawing, axis = plt.subplots(figsize=(9, max(2.4, layout.height + 1)))
    colours = sns.color_palette(n_colors=max(len(layout.columns), 1))
    _draw_flows(axis, sums, layout, colours)
    _draw_parties(axis, sums, layout, colours)
    for across, column in enumerate(layout.columns.values()):
        names = listed(sorted({within(label(role[p])) for p in column}))
        above = layout.tallest + 0.35
        axis.text(across, above, names, ha="center", fontsize=8, weight="bold")
    axis.set(xlim=(-1.3, layout.last + 1.3), ylim=(-0.3, layout.tallest + 1))
    axis.axis("off")
    template = (
        say("{alert}: {amount} at stake, {n} payments, {parties} parties")
        if len(ranked) <= MOST_PARTIES
        else say(
            "{alert}: {amount} at stake, {n} payments, the {most} of {parties} parties with most"
        )
    )
    title = template.format(
        alert=alert_id,
        amount=money(at_stake),
        n=len(flows),
        parties=len(role),
        most=MOST_PARTIES,
    )
    axis.set_title(title)
    return Figure(drawing, title)


def _sums(flows: pd.DataFrame) -> pd.DataFrame:
    """payer, payee, amount, n, first and last of each pair."""
    return (
        flows.groupby(["payer", "payee"])
        .agg(
            amount=("amount", "sum"),
            n=("amount", "size"),
            first=("booked_at", "min"),
            last=("booked_at", "max"),
        )
        .reset_index()
    )


def _draw_flows(axis: Axes, sums: pd.DataFrame, layout: Layout, colours: Colours) -> None:
    """Arrows from payer to payee, bent where they would lie on each other or on a party."""
    at = layout.at()
    widest = max(sums["amount"].max(), 1.0) if len(sums) else 1.0
    pairs = set(zip(sums["payer"], sums["payee"], strict=True))
    for flow in sums.itertuples(index=False):
        both_ways = (flow.payee, flow.payer) in pairs
        beside = at[flow.payer][0] == at[flow.payee][0]
        axis.add_patch(
            FancyArrowPatch(
                at[flow.payer],
                at[flow.payee],
                connectionstyle=f"arc3,rad={0.12 if both_ways or beside else 0.0}",
                arrowstyle="-|>",
                mutation_scale=8,
                shrinkA=5,
                shrinkB=6,
                lw=0.6 + 0.4 * round(6 * np.sqrt(flow.amount / widest)),
                color=colours[at[flow.payer][0]],
                alpha=0.55,
            )
        )


def _draw_parties(axis: Axes, sums: pd.DataFrame, layout: Layout, colours: Colours) -> None:
    """Dots with what each party paid and got: outside of the first and last column, above and below
    the dots of those between, column by column.
    """
    for party, (across, up) in layout.at().items():
        axis.plot(across, up, "o", color=colours[across], markersize=6)
        last = across == layout.last and layout.last > 0
        middle = 0 < across < layout.last
        above = across % 2 == 1  # neighbours would lie on each other
        axis.annotate(
            _party_label(
                party, sums[(sums["payer"] == party) | (sums["payee"] == party)], beside=not middle
            ),
            (across, up),
            xytext=(0 if middle else 7 if last else -7, (7 if above else -7) if middle else 0),
            textcoords="offset points",
            ha="center" if middle else "left" if last else "right",
            va=("bottom" if above else "top") if middle else "center",
            fontsize=7,
            bbox=BEHIND if middle else None,
        )


def _party_label(party: str, flows: pd.DataFrame, beside: bool) -> str:
    """Identifier, what was paid and got; beside a column in one line and with the months, above a
    dot in two.
    """
    paid = flows.loc[flows["payer"] == party, "amount"].sum()
    received = flows.loc[flows["payee"] == party, "amount"].sum()
    parts = [party]
    if paid:
        parts.append(say("paid {amount}").format(amount=f"{paid:,.0f}"))
    if received:
        parts.append(say("got {amount}").format(amount=f"{received:,.0f}"))
    if len(flows) and beside:
        first, last = f"{flows['first'].min():%Y-%m}", f"{flows['last'].max():%Y-%m}"
        span = say("{first}…{last}", "months")
        parts.append(first if first == last else span.format(first=first, last=last))
    return "  ".join(parts) if beside else "\n".join([party, "  ".join(parts[1:])])


def timeline_chart(alert_id: str, flows: pd.DataFrame, since: pd.Timestamp) -> Figure:
    """Payments of a case over time by the weightiest reason each proves; what came after `since` is
    new.
    """
    reasons = list(dict.fromkeys(flows["reason"]))
    drawing, axis = plt.subplots(figsize=(8.5, 2.6))
    for reason, colour in zip(reasons, sns.color_palette(n_colors=len(reasons)), strict=True):
        proving = flows[flows["reason"] == reason]
        days, amounts = (
            mdates.date2num(proving["booked_at"]),
            proving["amount"].to_numpy(dtype=float),
        )
        for low, width, name in (
            (0 * amounts, 1, None),
            (amounts * 0.999, 3, label(reason)),
        ):  # stems, and dots at their heads
            # one broken line instead of a mark for each: a tenth of the bytes
            heights = np.column_stack([low, amounts, np.full(len(proving), np.nan)]).ravel()
            axis.plot(
                np.repeat(days, 3),
                heights,
                color=colour,
                alpha=0.5 if width == 1 else 1,
                linewidth=width,
                solid_capstyle="round",
                label=name,
            )
    axis.axvline(since, color="grey", linewidth=1, linestyle="--")
    axis.set(xlabel=say("Date"), ylabel=with_currency(say("Amount")))
    axis.set_ylim(bottom=0)
    axis.yaxis.set_major_formatter(amount_ticks())
    axis.xaxis_date()
    axis.tick_params(axis="x", rotation=20)
    axis.legend(loc="upper left", bbox_to_anchor=(1, 1), fontsize=7)
    new = int((flows["booked_at"] >= since).sum())
    template = (
        say("{alert}: {new} of {n} pieces of evidence are of this quarter")
        if new
        else say("{alert}: nothing new this quarter, {n} pieces of earlier evidence")
    )
    title = template.format(alert=alert_id, new=new, n=len(flows))
    axis.set_title(title)
    return Figure(drawing, title)


def curve_chart(curve: pd.DataFrame) -> Figure | None:
    """Alerts over each threshold of a kind that changes their number, today's value marked; None
    where none does.
    """
    varies = curve.groupby("threshold")["alerts"].nunique() > 1
    names = [name for name in dict.fromkeys(curve["threshold"]) if varies[name]]
    if not names:
        return None
    across = min(3, len(names))
    down = -(-len(names) // across)
    height = 2.0 * down
    drawing, axes = plt.subplots(down, across, figsize=(9.5, height), squeeze=False)
    for name, axis in zip(names, axes.flat, strict=False):
        points = curve[curve["threshold"] == name].sort_values("value")
        axis.plot(
            points["value"], points["alerts"], "o-", color=sns.color_palette()[0], markersize=3
        )
        now = points[points["in_force"].astype(bool)]
        axis.plot(now["value"], now["alerts"], "o", color=sns.color_palette()[3], markersize=6)
        axis.set_title(threshold(name), fontsize=8)
        axis.set_ylim(0, curve["alerts"].max() * 1.15 + 0.5)
        axis.tick_params(labelsize=7)
        axis.xaxis.set_major_locator(MaxNLocator(4))
        axis.yaxis.set_major_locator(MaxNLocator(3, integer=True))
    for axis in list(axes.flat)[len(names) :]:
        axis.axis("off")
    drawing.supylabel(say("Alerts, whole bank"), fontsize=8)
    title = say(
        "Between {least} and {most} alerts, depending on one threshold; {now} as they are set"
    ).format(
        least=curve["alerts"].min(),
        most=curve["alerts"].max(),
        now=curve.loc[curve["in_force"].astype(bool), "alerts"].iloc[0],
    )
    drawing.suptitle(title, fontsize=10)
    drawing.subplots_adjust(
        left=0.07, right=0.99, bottom=0.3 / height, top=1 - 0.6 / height, hspace=0.5, wspace=0.15
    )
    return Figure(drawing, title)


def precision_chart(shares: pd.DataFrame) -> Figure:
    """Share confirmed per reason with its interval; shares: as from
    `dispositions.precision_by_reason`.
    """
    shares = shares.sort_values("share")
    drawing, axis = plt.subplots(figsize=(7, max(2.0, 0.32 * len(shares) + 0.9)))
    at = range(len(shares))
    axis.hlines(at, shares["share_low"], shares["share_high"], color="grey")
    axis.plot(shares["share"], at, "o", color=sns.color_palette()[0])
    axis.set_yticks(
        at,
        [
            say("{reason} ({n})").format(reason=label(r), n=n)
            for r, n in zip(shares["reason"], shares["decided"], strict=True)
        ],
    )
    axis.set(xlim=(0, 1), xlabel=say("Share confirmed, of the alerts decided (in brackets)"))
    enough = shares[shares["decided"] >= ENOUGH]
    title = say("Too few decisions so far to tell which reasons are right more often")
    if len(enough):
        best = enough.iloc[-1]
        title = say("{reason}: {share} of {n} decided alerts were confirmed").format(
            reason=label(best["reason"]), share=f"{best['share']:.0%}", n=best["decided"]
        )
    axis.set_title(title)
    return Figure(drawing, title)


def kinds_chart(counts: pd.DataFrame) -> Figure:
    """Alerts per kind and severity; counts: kind, severity, alerts."""
    wide = counts.pivot_table(
        index="kind", columns="severity", values="alerts", aggfunc="sum", fill_value=0
    )
    wide = wide.reindex(columns=[s for s in ("high", "medium", "low") if s in wide])
    drawing, axis = plt.subplots(figsize=(7, 2.6))
    left = np.zeros(len(wide))
    for level, colour in zip(wide, sns.color_palette("rocket", 3), strict=False):
        axis.barh(
            [label(k) for k in wide.index],
            wide[level],
            left=left,
            color=colour,
            label=severity(level),
        )
        left += wide[level].to_numpy()
    axis.set(xlabel=say("Alerts"))
    axis.legend(loc="upper left", bbox_to_anchor=(1, 1))
    title = say("{n} alerts in the whole bank, {high} of them of high severity").format(
        n=int(counts["alerts"].sum()),
        high=int(counts.loc[counts["severity"] == "high", "alerts"].sum()),
    )
    axis.set_title(title)
    return Figure(drawing, title)
