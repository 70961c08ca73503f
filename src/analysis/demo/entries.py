"""Entries of the demo bank being collected before they become transactions."""

from dataclasses import dataclass, field

import numpy as np

from analysis.demo.lending import EXTERNAL

#: Columns of an entry, with the value where none is given.
DEFAULTS = {
    "account": 0,
    "second": 0,
    "cents": 0,
    "channel": 0,
    "kind": 0,
    "other": -1,
    "merchant": -1,
    "memo": 0,
    "name": -1,
}


@dataclass
class Entries:
    """Entries being collected, a list of arrays per column."""

    columns: dict[str, list[np.ndarray]] = field(
        default_factory=lambda: {name: [] for name in DEFAULTS}
    )

    def add(self, account: np.ndarray, **values: np.ndarray | int) -> None:
        """Entries on `account`; a value is an array as long, or one number for all."""
        for name, default in DEFAULTS.items():
            value = account if name == "account" else values.get(name, default)
            self.columns[name].append(
                np.broadcast_to(np.asarray(value, dtype=np.int64), len(account))
            )

    def add_both_sides(
        self, payer: np.ndarray, payee: np.ndarray, cents: np.ndarray, **values: np.ndarray | int
    ) -> None:
        """A payment as it stands on the payer's and on the payee's account, where they are at this
        bank.
        """
        for account, other, sign in ((payer, payee, -1), (payee, payer, 1)):
            here = account < EXTERNAL
            self.add(
                account[here],
                other=other[here],
                cents=sign * cents[here],
                **{k: v[here] if isinstance(v, np.ndarray) else v for k, v in values.items()},
            )

    def all(self) -> dict[str, np.ndarray]:
        """Every column, in order of booking."""
        whole = {name: np.concatenate(parts) for name, parts in self.columns.items()}
        order = np.lexsort((whole["account"], whole["second"]))
        return {name: values[order] for name, values in whole.items()}

    def take(self, others: "Entries", first: int, end: int) -> None:
        """Those of `others` from the second `first` up to before `end`."""
        if others.columns["account"]:
            whole = others.all()
            chosen = (whole["second"] >= first) & (whole["second"] < end)
            for name, values in whole.items():
                self.columns[name].append(values[chosen])
