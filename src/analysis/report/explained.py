"""A change as a brief tells it: what was before, its parts, what is now."""

from analysis.report.brief import PREVIOUS, Explained, KeyFigure, Part
from analysis.report.language import say
from analysis.statistics.decomposition import Division


def explained(label: str, kind: str, division: Division) -> Explained:
    """A division with its parts in words; those that are none are left out."""
    parts = [
        Part(name=say("Mix of groups"), value=division.mix),
        Part(name=say("Within groups"), value=division.rate),
        Part(name=say("New customers"), value=division.new),
        Part(name=say("Lost customers"), value=division.lost),
    ]
    return Explained(
        label=label,
        kind=kind,
        before=division.before,
        now=division.now,
        parts=[part for part in parts if part.value],
    )


def most_of_it(figure: KeyFigure, told: Explained | None) -> str:
    """Which part makes up most of the change since last quarter, where that is beyond chance."""
    change = figure.change(PREVIOUS)
    if change is None:
        return ""
    if not change.certain:
        return say("As the change may be chance, no cause is named for it.")
    if told is None or not told.parts:
        return say("Too few customers came, left or stayed to divide the change.")
    up = told.now >= told.before
    same_way = [part for part in told.parts if (part.value >= 0) == up]
    most = max(same_way or told.parts, key=lambda part: abs(part.value))
    sentences = {
        say("Mix of groups"): say("Most of the change comes of how large the groups are."),
        say("Within groups"): say("Most of the change comes from within the groups."),
        say("New customers"): say("Most of the change comes of new customers."),
        say("Lost customers"): say("Most of the change comes of customers who were lost."),
    }
    return sentences.get(most.name, "")
