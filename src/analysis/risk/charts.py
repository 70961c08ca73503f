"""Charts of the investigations: who paid whom, and what other thresholds would give."""

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns

from analysis.language import _
from analysis.report.figure import Figure


def payments_chart(alert_id: str, payments: pd.DataFrame) -> Figure:
    """Payments of one alert over time, a line per borrower; payments as from `mortgage.payments_of`."""
    borrowers = list(dict.fromkeys(payments["borrower_id"]))
    drawing, axis = plt.subplots(figsize=(8, max(2.2, 0.28 * len(borrowers) + 1)))
    at = [borrowers.index(b) for b in payments["borrower_id"]]
    axis.hlines(
        range(len(borrowers)),
        payments["booked_at"].min(),
        pd.to_datetime(payments["due_on"]).max(),
        color="lightgrey",
        linewidth=1,
    )
    axis.plot(payments["booked_at"], at, "o", color=sns.color_palette()[0], label=_("paid by somebody else"))
    axis.plot(
        pd.to_datetime(payments["due_on"]),
        at,
        "|",
        color=sns.color_palette()[3],
        markersize=12,
        label=_("instalment due"),
    )
    axis.set_yticks(range(len(borrowers)), borrowers)
    axis.set(xlabel=_("Date"), ylabel=_("Borrower"))
    axis.tick_params(axis="x", rotation=20)
    axis.legend(loc="upper left", bbox_to_anchor=(1, 1))
    title = _("{alert}: {amount} paid for {n} borrowers shortly before their due days").format(
        alert=alert_id, amount=f"{payments['amount'].astype(float).sum():,.0f}", n=len(borrowers)
    )
    axis.set_title(title)
    return Figure(drawing, title)


def threshold_chart(curve: pd.DataFrame) -> Figure:
    """Alerts at each threshold; curve as from `mortgage.threshold_curve`."""
    drawing, axis = plt.subplots(figsize=(6.5, 2.8))
    sns.barplot(x=curve["min_borrowers"].astype(str), y=curve["alerts"], ax=axis, color=sns.color_palette()[0])
    axis.set(xlabel=_("Borrowers needed for an alert"), ylabel=_("Alerts, whole bank"))
    title = _("At {least} borrowers there are {alerts} alerts in the whole bank").format(
        least=curve["min_borrowers"].iloc[0], alerts=curve["alerts"].iloc[0]
    )
    axis.set_title(title)
    return Figure(drawing, title)
