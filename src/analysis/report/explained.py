"""A change as a brief tells it: what was before, its parts, what is now."""

from analysis.language import marked, say
from analysis.report.brief import PREVIOUS, Explained, KeyFigure, Part
from analysis.statistics.decomposition import Division

#: A part of a division: its name, and that it is the largest.
PARTS = {
    "mix": (marked("Mix of groups"), marked("Most of the change comes of the groups' sizes.")),
    "rate": (marked("Within groups"), marked("Most of the change comes from within the groups.")),
    "new": (marked("New customers"), marked("Most of the change comes of new customers.")),
    "lost": (marked("Lost customers"), marked("Most of the change comes of lost customers.")),
}


def explained(label: str, kind: str, division: Division) -> Explained:
    """A division with its parts in words."""
    values = {part: getattr(division, part) for part in PARTS}
    parts = [Part(name=say(PARTS[p][0]), value=v) for p, v in values.items() if v is not None]
    return Explained(
        label=label,
        kind=kind,
        before=division.before,
        now=division.now,
        parts=parts,
    )


def most_of_it(figure: KeyFigure, told: Explained | None) -> str:
    """Which part makes up most of the change since last quarter, where that is beyond chance."""
    change = figure.change(PREVIOUS)
    if change is None or not change.difference:
        return ""
    if not change.certain:
        return say("No cause is named for a change that may be chance: {label}.").format(
            label=figure.label
        )
    if told is None or not told.parts:
        return say("The change cannot be divided here.")
    sign = 1 if told.now >= told.before else -1
    most = max(range(len(told.parts)), key=lambda place: sign * told.parts[place].value)
    return say(list(PARTS.values())[most][1])
