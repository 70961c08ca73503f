"""The detectors by kind, and the signals of each."""

from types import ModuleType
from typing import Any

from analysis.risk import acceptance, card_cashout, fundraising, mortgage
from analysis.risk.signals import Signal

DETECTORS: dict[str, ModuleType] = {
    "risk_mortgage": mortgage,
    "risk_card_cashout": card_cashout,
    "risk_fundraising": fundraising,
    "risk_acceptance": acceptance,
}
SIGNALS: dict[str, tuple[Signal[Any, Any], ...]] = {
    kind: detector.SIGNALS for kind, detector in DETECTORS.items()
}
#: Kind and reason to its stated points.
POINTS: dict[str, dict[str, int]] = {
    kind: {s.code: s.points for s in signals} for kind, signals in SIGNALS.items()
}
