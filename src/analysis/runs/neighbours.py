"""Which pages a report's pages lead to: other reports of the branch, the branches beside it, the
quarters before and after.
"""

from collections.abc import Mapping

from analysis.partition import ALL
from analysis.report.frame import Around, Link
from analysis.runs.catalogue import REPORTS, Report
from analysis.runs.delivered import EVIDENCE, PAGE
from analysis.runs.manifest import Manifest
from analysis.runs.request import Request


class Neighbours:
    """The pages there are, or will be after a run.

    pairs: branch and report of what is to be run. names: branch to its name.
    """

    def __init__(
        self,
        manifest: Manifest,
        pairs: list[tuple[str, Report]],
        names: Mapping[str, str],
        request: Request,
    ) -> None:
        self.names, self.outputs, self.quarter = names, request.folder.parent, request.quarter
        self.suffix = request.folder.name.removeprefix(str(request.quarter))
        self.languages = {
            language: folder
            for language, folder in request.folders.items()
            if language != request.written_in
        }
        there = {name for name in manifest.reports if name[1] in REPORTS}
        self.there = there | {(branch, kind.name) for branch, kind in pairs}
        self.titles = {name: kind.title for name, kind in REPORTS.items()}
        self.branches = {
            report: [b for b in names if b != ALL and (b, report) in self.there]
            for report in REPORTS
        }
        self.place = {
            report: {b: i for i, b in enumerate(of_report)}
            for report, of_report in self.branches.items()
        }

    def around(self, branch: str, report: str) -> Around:
        """The pages around one report of a branch; in the language in use."""
        own = [name for name in REPORTS if (branch, name) in self.there]
        has_evidence = branch != ALL and (ALL, report) in self.there
        return Around(
            reports=tuple(
                Link(self.titles[name], f"{name}.{PAGE}", here=name == report) for name in own
            ),
            steps=(*self._quarters(branch, report), *self._branches(branch, report)),
            of_bank=f"../{ALL}/{report}.{EVIDENCE}" if has_evidence else "",
            languages={
                language: f"../../{folder}/{branch}" for language, folder in self.languages.items()
            },
        )

    def _quarters(self, branch: str, report: str) -> list[Link]:
        beside = [(self.quarter.previous, "‹ {name}"), (self.quarter.shifted(1), "{name} ›")]
        return [
            Link(
                text.format(name=quarter), f"../../{quarter}{self.suffix}/{branch}/{report}.{PAGE}"
            )
            for quarter, text in beside
            if (self.outputs / f"{quarter}{self.suffix}" / branch / f"{report}.{PAGE}").exists()
        ]

    def _branches(self, branch: str, report: str) -> list[Link]:
        of_report, place = self.branches[report], self.place[report].get(branch)
        if place is None:
            return []
        beside = [(place - 1, "‹ {name}"), (place + 1, "{name} ›")]
        links = [
            Link(text.format(name=self.names[of_report[at]]), f"../{of_report[at]}/{report}.{PAGE}")
            for at, text in beside
            if 0 <= at < len(of_report)
        ]
        if (ALL, report) in self.there:
            links.append(Link(self.names[ALL], f"../{ALL}/{report}.{PAGE}"))
        return links
