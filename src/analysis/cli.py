"""The command `workbook`: from a bank's tables to reports, one verb per step."""

import atexit
import io
import os
import signal
import sys
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from analysis.errors import WorkbookError
from analysis.language import (
    in_use,
    listed,
    of_terminal,
    say,
    sentences,
    tag,
    unwrapped,
    use,
    within,
)
from analysis.quarters import Quarter
from analysis.sources.params import Bank, read_params
from analysis.terminal import Terminal, fold_help, json_line
from analysis.workers import keep_libraries_quiet

if TYPE_CHECKING:
    from analysis.prepare import Prepared
    from analysis.runs.replayed import Replayed

use(of_terminal())  # what --help says is read when this module is
if in_use() != "en":
    os.environ["LANGUAGE"] = tag(in_use()).replace("-", "_")  # for what libraries say
    fold_help()
app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help=say(
        "Reports on a bank's customers, per branch and quarter.\n\nTry it on the demo bank: "
        "[bold]workbook run params/demo.yml[/bold]. With your own data: write a params file like "
        "params/berka.yml, then [bold]check[/bold] it, [bold]prepare[/bold] and "
        "[bold]run[/bold].\n\nExit status: 0 all is well; 1 something asked for could not be "
        "used; 2 the command line is wrong; 3 reports failed; 4 a replay came out differently; "
        "130 interrupted."
    ),
)


def command(function: Callable[..., None]) -> Callable[..., None]:
    """Make a function a command, whose help is its docstring in the language of who types."""
    help_ = say(unwrapped(function.__doc__ or ""))
    return app.command(help=help_)(function)


WIDE = 240  # columns of a table that is not shown on a terminal
err = Terminal(stderr=True)
out = Terminal()

ParamsFile = Annotated[
    Path, typer.Argument(help=say("The bank's params file, for example params/demo.yml."))
]
QuarterOption = Annotated[
    str,
    typer.Option(
        "--quarter",
        help=say("The quarter, for example 2024Q4; the last one of the params file unless given."),
    ),
]
FolderArgument = Annotated[
    Path, typer.Argument(help=say("A quarter's folder, for example outputs/demo/2024Q4."))
]
BranchOption = Annotated[
    list[str],
    typer.Option(
        help=say(
            "A branch, or ALL for the whole bank; can be given several times. Every branch and "
            "ALL unless given."
        )
    ),
]
ReportOption = Annotated[
    list[str], typer.Option(help=say("A report; can be given several times. All unless given."))
]
JobsOption = Annotated[
    int, typer.Option(min=0, help=say("Steps and reports at once; 0: as many as there are cores."))
]
FewerOption = Annotated[
    list[str],
    typer.Option(
        help=say(
            "A table that rightly has less than half of the rows it had. Without this it is held "
            "back, and nothing is changed."
        )
    ),
]
ClusterOption = Annotated[
    str,
    typer.Option(
        help=say(
            "Address of a Dask scheduler, such as tcp://10.0.0.1:8786, whose workers run the "
            "reports instead of this machine."
        )
    ),
]
SettingOption = Annotated[
    list[str],
    typer.Option(
        "--set",
        help=say(
            "A parameter of the reports, as name=value; for example min_cell=20 or most_alerts=20."
        ),
    ),
]
LanguageOption = Annotated[
    list[str],
    typer.Option(
        help=say(
            "Language of the pages, such as en or zh; can be given several times, for pages in "
            "each. Those of the params file unless given."
        )
    ),
]
ForceOption = Annotated[
    bool, typer.Option("--force", help=say("Run reports that are up to date too."))
]
TimeOption = Annotated[int, typer.Option(min=1, help=say("Seconds that one report may take."))]
MemoryOption = Annotated[int, typer.Option(min=100, help=say("Megabytes that one report may use."))]
RetriesOption = Annotated[
    int, typer.Option(min=0, max=10, help=say("How often a failed report is tried again."))
]
PdfOption = Annotated[
    bool, typer.Option("--pdf", help=say("Print every page as PDF too, beside it; needs Chromium."))
]
JsonOption = Annotated[
    bool,
    typer.Option(
        "--json", help=say("One JSON object per line on standard output, for schedulers.")
    ),
]


@command
def prepare(
    params: ParamsFile,
    quarter: QuarterOption = "",
    jobs: JobsOption = 0,
    fewer: FewerOption = [],  # noqa: B006
) -> None:
    """Check the bank's rows, build the marts and fit the models. Only what changed is done
    again.
    """
    bank, wanted = _bank_and_quarter(params, quarter)
    prepared = _prepare(bank, wanted, jobs, as_json=False, fewer=fewer)
    if prepared.done.steps:
        _tell_runs_under_way(bank)


@command
def run(
    params: ParamsFile,
    quarter: QuarterOption = "",
    branch: BranchOption = [],  # noqa: B006 - typer's way
    report: ReportOption = [],  # noqa: B006
    jobs: JobsOption = 0,
    cluster: ClusterOption = "",
    set_: SettingOption = [],  # noqa: B006
    language: LanguageOption = [],  # noqa: B006
    force: ForceOption = False,
    time_limit: TimeOption = 600,
    memory_limit: MemoryOption = 4000,
    retries: RetriesOption = 0,
    json_: JsonOption = False,
    pdf: PdfOption = False,
) -> None:
    """Run the reports of a quarter: outputs/<bank>/<quarter>/index.html. Prepares first; what is up
    to date is skipped, and an interrupted run goes on where it stopped.
    """
    from analysis.runs import pool
    from analysis.runs.printed import find_chromium
    from analysis.runs.warm import provisioner

    chromium = find_chromium() if pdf else ""
    bank, wanted = _bank_and_quarter(params, quarter)
    # the servers of kernels and of workers import while this process does, and prepares the bank
    _find_runtime_folder()
    provisioner.warm_up()
    pool.warm_up()
    from analysis.prepare import check_branches
    from analysis.runs.display import follow, tell_outcome
    from analysis.runs.grid import run_request
    from analysis.runs.request import Request
    from analysis.runs.task import Limits
    from analysis.workers import default_jobs

    limits = Limits(time_limit, memory_limit, retries)
    asked = tuple(dict.fromkeys(language)) or bank.languages
    beside = bank.languages if set(asked) <= set(bank.languages) else asked
    requests = [
        Request(
            bank=bank,
            quarter=wanted,
            branches=tuple(branch),
            reports=tuple(report),
            settings=tuple(set_),
            language=each,
            beside=beside,
            force=force,
            limits=limits,
        )
        for each in asked
    ]
    for request in requests:
        request.check()
    check_branches(bank, branch)
    at_once, failed, prepared = jobs or default_jobs(), False, False

    def prepare_once() -> None:
        nonlocal prepared
        if not prepared:
            _prepare(bank, wanted, at_once, json_)
        prepared = True

    for request in requests:
        outcome = run_request(
            request,
            prepare=prepare_once,
            follow=lambda plan: follow(err, json_, plan, 1 if cluster else at_once),
            jobs=at_once,
            cluster=cluster,
        )
        tell_outcome(outcome, err, out, json_)
        if outcome.interrupted:
            raise typer.Exit(130)
        if chromium:
            _print(chromium, outcome.folder)
        failed = failed or bool(outcome.failed)
    for left in sorted(bank.output_folder.glob(f"{wanted}*")):
        if left.name not in requests[0].folders.values() and (left / "manifest.json").exists():
            told = say("{folder} is of an earlier run in other languages; no page leads to it.")
            _say(told.format(folder=left))
    if failed:
        raise typer.Exit(3)


def _print(chromium: str, folder: Path) -> None:
    """Print every page of a quarter that is newer than its PDF."""
    from analysis.runs.printed import print_pages

    pages = [
        p for p in sorted(folder.rglob("*.html")) if "tables" not in p.relative_to(folder).parts
    ]
    made = {p: p.with_suffix(".pdf") for p in pages}
    due = [p for p, m in made.items() if not m.exists() or m.stat().st_mtime < p.stat().st_mtime]
    with _progress() as bar:
        job = bar.add_task(say("printing"), total=len(due))
        for _pdf in print_pages(chromium, due):
            bar.advance(job)


@command
def publish(
    folder: FolderArgument,
    to: Annotated[Path, typer.Option(help=say("The folder to write; it must not be there yet."))],
    audience: Annotated[
        str, typer.Option(help=say("For whom: branch, region, head-office or reviewer."))
    ],
    branch: BranchOption = [],  # noqa: B006
    region: Annotated[str, typer.Option(help=say("A region, as the bank names it."))] = "",
) -> None:
    """Write a folder for an audience: the pages and lists of a quarter that it may have, without
    links to anything else.
    """
    from analysis.runs.manifest import read_quarter
    from analysis.runs.publish import publish as write

    count, index = write(read_quarter(folder), audience, to, branch, region)
    err.print(
        say("{count} files for the audience {audience}.").format(count=count, audience=audience)
    )
    out.print(index, soft_wrap=True, highlight=False)


@command
def diff(
    before: Annotated[
        Path, typer.Argument(help=say("A quarter's folder of an earlier run or quarter."))
    ],
    now: FolderArgument,
) -> None:
    """What differs between two runs or quarters: which figures, by how much, and what of what they
    are made of changed.
    """
    from rich.table import Table
    from rich.text import Text

    from analysis.runs.compare import differences
    from analysis.runs.manifest import read_quarter

    found = differences(read_quarter(before), read_quarter(now))
    if not found:
        err.print(say("Every report has the same status, figures and advice."))
        return
    heads = (
        say("Branch"),
        say("Report"),
        say("What"),
        say("Before"),
        say("Now"),
        say("Change"),
        say("Because of"),
    )
    table = Table(*heads)
    for d in found:
        cells = (d.branch, d.report, d.what, d.before, d.now, d.change, d.cause)
        table.add_row(*map(Text, cells))
    out.print(table, width=None if out.is_terminal else WIDE)


@command
def verify(
    folder: FolderArgument,
    branch: BranchOption = [],  # noqa: B006
    report: ReportOption = [],  # noqa: B006
    jobs: JobsOption = 0,
) -> None:
    """Replay delivered reports: execute them again with their recorded parameters, and compare
    every text, table and list, and every file's checksum.
    """
    if _replay(folder, branch, report, jobs).findings:
        raise typer.Exit(4)


@command
def sign(
    folder: FolderArgument,
    by: Annotated[str, typer.Option(help=say("Who signs; your name or staff number."))],
    note: Annotated[str, typer.Option(help=say("What you want to say with it."))] = "",
    jobs: JobsOption = 0,
) -> None:
    """Sign a quarter off: replays every report, and writes who, when, what was found and all hashes
    to sign-off.json. A later change voids it on the index.
    """
    from analysis.runs import signoff
    from analysis.runs.index import write_index
    from analysis.runs.manifest import read_quarter

    if not by.strip():
        raise WorkbookError(say("--by is empty; say who signs."))
    replayed = _replay(folder, [], [], jobs)
    manifest = read_quarter(folder)
    path = signoff.sign(manifest, by.strip(), note, replayed)
    write_index(manifest)
    told = say("Signed by {by}: {same} of {count} reports came out the same. {file}")
    _say(told.format(by=by.strip(), same=replayed.same, count=replayed.count, file=path))
    if replayed.findings:
        raise typer.Exit(4)


def _replay(folder: Path, branch: list[str], report: list[str], jobs: int) -> "Replayed":
    """Replay, telling of each report as it ends."""
    from analysis.lock import held
    from analysis.runs.display import ReplayDisplay
    from analysis.runs.index import write_index
    from analysis.runs.manifest import read_quarter
    from analysis.runs.verify import replay_quarter
    from analysis.workers import default_jobs

    manifest = read_quarter(folder)
    _find_runtime_folder()
    with held(folder.resolve(), "verify"), _progress() as bar:
        display = ReplayDisplay(err, bar)
        at_once = jobs or default_jobs()
        replayed = replay_quarter(manifest, branch, report, at_once, display.begin, display.tell)
        write_index(manifest, on_disk=True)
    different = replayed.count - replayed.same
    err.print(
        say("{count} reports replayed: {same} the same, {different} not.").format(
            count=replayed.count, same=replayed.same, different=different
        )
    )
    return replayed


@command
def status(folder: FolderArgument) -> None:
    """What became of every report of a quarter, and which steps and reports the next run would do
    again and why.
    """
    from analysis.runs.index import write_index
    from analysis.runs.manifest import read_quarter
    from analysis.runs.signoff import standing
    from analysis.runs.status import (
        empty_reports,
        reports_table,
        stale_reports,
        stale_steps,
        steps_table,
    )
    from analysis.runs.verify import bank_of

    manifest = read_quarter(folder)
    bank = bank_of(manifest)
    out.print(reports_table(manifest, stale_reports(bank, manifest) if bank else {}))
    for sentence in empty_reports(manifest):
        _say(sentence, out)
    if bank and (why := stale_steps(bank, Quarter.parse(manifest.about.quarter))):
        out.print(steps_table(why))
    if signed := standing(manifest, on_disk=True):
        write_index(manifest, on_disk=True)
        told = say("Signed off by {by} on {at}: {same} of {count} reports came out the same.")
        told = told.format(by=signed.by, at=signed.at, same=signed.same, count=signed.count)
        void = say("It is void: {files} changed since.").format(files=listed(signed.changed[:5]))
        _say(sentences(told, void if signed.changed else ""), out)
    if any(e.status == "failed" for e in manifest.entries()):
        raise typer.Exit(3)


@command
def steps(
    name: Annotated[
        str, typer.Argument(help=say("A step, or a mart or model; every step unless given."))
    ] = "",
    page: Annotated[
        Path | None,
        typer.Option(help=say("Write the page on the steps here, and its picture beside.")),
    ] = None,
) -> None:
    """What is built between the bank's rows and the reports: every step, or what leads to one and
    what hangs on it.
    """
    from analysis.prepare import all_steps
    from analysis.steps import document
    from analysis.storage import write_text

    every = all_steps()
    if page:
        write_text(page, document.steps_page(every))
        write_text(page.with_name(document.PICTURE), document.steps_picture(every))
        return
    if not name:
        for step in every.values():
            out.print(f"{step.name}: {step.purpose}", markup=False, highlight=False)
        return
    for line in document.described(every, document.named(every, name)):
        out.print(line, markup=False, highlight=False)


@command
def new(
    name: Annotated[str, typer.Argument(help=say("The report's name, for example branch_visits."))],
    subject: Annotated[str, typer.Option(help=say("The room it belongs to, for example loyalty."))],
) -> None:
    """Start a report: notebook, findings, words, catalogue entry and test, which run at once."""
    from analysis.runs.new import new_report

    for path in new_report(name, subject):
        out.print(path, markup=False, highlight=False)


@command
def check(params: ParamsFile) -> None:
    """Is this source fit for the contract? What is there, what would be set aside and why, what
    will come of each report, and what keeps the contract and is in doubt all the same.
    """
    from analysis.prepare import all_steps, check_settings, make_demo_if_asked
    from analysis.runs.catalogue import chosen_reports
    from analysis.runs.outlook import outlook
    from analysis.sources.doubts import accepted_tables, doubts
    from analysis.sources.fitness import fitness_table, remarks
    from analysis.sources.land import embedded_engine, land, limit_broken, limit_message

    bank = read_params(params)
    check_settings(bank)
    with err.status(say("checking")) as display, embedded_engine(bank) as con:
        make_demo_if_asked(bank, display.update)
        verdicts = land(
            bank,
            con,
            lambda name: display.update(say("checking {table}").format(table=name)),
            write=False,
        )
        display.update(say("looking ahead"))
        tables, every = accepted_tables(con, verdicts), all_steps()
        ahead = [
            outlook(bank, report, every, tables, verdicts)
            for report in chosen_reports(bank, [], [])
        ]
        open_to_doubt = doubts(bank, tables, verdicts)
    out.print(fitness_table(bank.title, verdicts))
    for verdict in verdicts.values():
        for fault in verdict.faults:
            _say(f"{verdict.table}.{fault}", out)
        for remark in remarks(verdict):
            _say(remark, out)
    for sentence in ahead:
        _say(sentence, out)
    for sentence in open_to_doubt:
        _say(say("In doubt: {sentence}").format(sentence=sentence), out)
    over = [verdict for verdict in verdicts.values() if limit_broken(bank, verdict)]
    for verdict in over:
        _say(limit_message(bank, verdict))
    if over:
        raise typer.Exit(1)


@command
def screen(
    params: ParamsFile,
    application: Annotated[
        str, typer.Option(help=say("The pending mortgage application, for example P000000967."))
    ],
    json_: Annotated[
        bool,
        typer.Option("--json", help=say("One JSON object on standard output, for other programs.")),
    ] = False,
) -> None:
    """May this mortgage go ahead? Compares a pending application with the mortgage alerts that
    stand, and says why to stop it.

    Prepare the bank first; the application must be in its data. Everything to hold at a branch is
    in the list holds of the report risk_mortgage.
    """
    from analysis.risk.screening import screen as screen_application
    from analysis.risk.words import label
    from analysis.sources.land import embedded_engine

    bank = read_params(params)
    with embedded_engine(bank) as con:
        screened = screen_application(bank, con, application)
    if json_:
        typer.echo(json_line({**vars(screened), "verdict": screened.verdict}))
        return
    site = listed(filter(None, [screened.compound, screened.developer])) or say("no site named")
    lines = [
        say("{application} ({branch}; {site}), alerts of {quarter}: {verdict}.").format(
            application=screened.application_id,
            branch=screened.branch_id,
            site=site,
            quarter=screened.quarter,
            verdict=say(screened.verdict),
        )
    ]
    for alert, reasons in screened.alerts.items():
        lines.append(
            say("  {alert}, repaid by {payers}: {reasons}.").format(
                alert=alert,
                payers=listed(screened.payers[alert]),
                reasons=listed(within(label(r)) for r in reasons),
            )
        )
    if screened.related:
        held = say("  Held because of the same alerts: {applications}.")
        lines.append(held.format(applications=listed(screened.related)))
    for line in [*lines, *screened.remarks]:
        out.print(
            line,
            style="red" if screened.alerts and line is lines[0] else None,
            markup=False,
            highlight=False,
            soft_wrap=True,
        )


@command
def contract(
    target: Annotated[Path, typer.Argument(help=say("The file to write."))] = Path(
        "docs/contract.md"
    ),
) -> None:
    """Write the contract as a page, from its declarations."""
    from analysis.contract.document import contract_page
    from analysis.storage import write_text

    write_text(target, contract_page())


@command
def demo(
    folder: Annotated[
        Path,
        typer.Argument(
            help=say("The folder to write the bank to; an earlier demo bank there is replaced.")
        ),
    ],
    customers: Annotated[
        int,
        typer.Option(min=500, help=say("How many customers; about a hundred transactions each.")),
    ] = 5000,
    seed: Annotated[int, typer.Option(help=say("The same seed gives the same bank."))] = 7,
) -> None:
    """Make a demo bank of any size. `run params/demo.yml` makes the usual one by itself."""
    from analysis.demo.bank import make_bank
    from analysis.workers import default_jobs

    if folder.exists() and any(folder.iterdir()) and not (folder / "made_with.json").exists():
        raise WorkbookError(
            say("{folder} holds something that is not a demo bank; choose another folder.").format(
                folder=folder
            )
        )
    with _progress() as bar:
        task = bar.add_task(say("customers"), total=None)
        make_bank(
            folder,
            customers,
            seed,
            jobs=default_jobs(),
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )


def _find_runtime_folder() -> None:
    from analysis.runs.warm.place import find_runtime_folder

    if instead := find_runtime_folder():
        _say(instead)


def _tell_runs_under_way(bank: Bank) -> None:
    """Say which reports of runs that go on meanwhile will be of older data."""
    from analysis.lock import in_use
    from analysis.runs.manifest import Manifest
    from analysis.runs.status import stale_reports

    for folder, who in in_use(bank.output_folder).items():
        if not (folder / "manifest.json").exists():
            continue
        manifest = Manifest(folder)
        why = stale_reports(bank, manifest)
        done = [e.name for e in manifest.entries() if e.is_over and why.get(e.name)]
        names = listed(f"{branch} {report}" for branch, report in done[:12])
        if len(done) > 12:
            names = say("{names} and {n} more").format(names=names, n=len(done) - 12)
        told = say(
            "Meanwhile {folder} is in use by {who}. Its reports may be of the data before; those "
            "that are will be made again by the next run: {names}."
        )
        _say(told.format(folder=folder, who=who, names=names or say("none so far")))


def _bank_and_quarter(params: Path, quarter: str) -> tuple[Bank, Quarter]:
    bank = read_params(params)
    wanted = Quarter.parse(quarter) if quarter else bank.quarters.last
    bank.check_quarter(wanted)
    return bank, wanted


def _prepare(
    bank: Bank, quarter: Quarter, jobs: int, as_json: bool, fewer: Collection[str] = ()
) -> "Prepared":
    from analysis.prepare import prepare as prepare_bank
    from analysis.runs.display import preparing
    from analysis.sources.fitness import left_out_told
    from analysis.workers import default_jobs

    try:
        with preparing(err, as_json) as display:
            prepared = prepare_bank(
                bank, quarter, display.say, display.hear, jobs or default_jobs(), fewer
            )
    except KeyboardInterrupt:
        err.print(say("Interrupted while preparing; the same command goes on from here."))
        raise typer.Exit(130) from None
    aside = sum(v.rows_set_aside for v in prepared.verdicts.values())
    done, same = len(prepared.done.steps), len(prepared.done.up_to_date)
    steps = (
        say("{done} steps done, {same} were up to date.")
        if done
        else say("Every step is up to date.")
    )
    rows = say("{n:,} rows set aside, in {folder}.") if aside else say("{n:,} rows set aside.")
    told = rows.format(n=aside, folder=bank.data_folder / "quarantine")
    _say(sentences(steps.format(done=done, same=same), told))
    for verdict in prepared.verdicts.values():
        for sentence in (left_out_told(verdict), "" if verdict.reused else verdict.drift):
            if sentence:
                _say(sentence)
    for what, damage in prepared.mended.items():
        _say(
            say("Made again, for {damage} since it was written: {what}.").format(
                damage=damage, what=what
            )
        )
    return prepared


def _say(text: str, console: Terminal = err) -> None:
    console.print(text, soft_wrap=True, highlight=False, markup=False)


def _complain(text: str) -> None:
    err.print(text, style="red", markup=False, highlight=False, soft_wrap=True)


def _as_interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _progress() -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=err,
        transient=True,
    )


def main() -> None:
    """Run the command; a fault the person can mend is told without a traceback.

    The process ends without taking the interpreter apart, which takes half a second after so many
    imports.
    """
    status = 0
    # no file that happens to lie in the working folder is taken for a module by what starts
    os.environ["PYTHONSAFEPATH"] = "1"
    signal.signal(signal.SIGTERM, _as_interrupt)
    keep_libraries_quiet()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        app()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(bool(end.code))
    except WorkbookError as error:
        _complain(str(error))
        status = 1
    except OSError as error:
        _complain(
            say("{file} cannot be written or read: {fault}.").format(
                file=error.filename or say("A file"), fault=error.strerror or error
            )
        )
        status = 1
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
