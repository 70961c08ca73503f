"""Several charts, tables and sentences as one output."""

from IPython.display import display


class Section:
    """Charts, tables and sentences, shown one after the other."""

    def __init__(self, *parts: object) -> None:
        self.parts = parts

    def __repr__(self) -> str:
        return "\n\n".join(map(repr, self.parts))

    def _ipython_display_(self) -> None:
        for part in self.parts:
            display(part)
