"""The command `workbook`: from a bank's tables to reports, one verb per step."""

import atexit
import json
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

from analysis.errors import WorkbookError
from analysis.quarters import Quarter
from analysis.sources.params import Bank, read_params

if TYPE_CHECKING:
    from analysis.runs.manifest import Manifest

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Reports on a bank's customers, per branch and quarter.\n\nTry it on the demo bank: "
    "[bold]workbook run params/demo.yml[/bold]. With your own data: write a params file "
    "like params/berka.yml, then"
    " [bold]check[/bold] it, [bold]prepare[/bold] and [bold]run[/bold].\n\nExit status: 0 "
    "all is well; 1 something asked for could not be used; 2 the command line is wrong; 3 "
    "reports failed; 4 a replay came out differently; 130 interrupted.",
)
err = Console(stderr=True)
out = Console()

ParamsFile = Annotated[
    Path, typer.Argument(help="The bank's params file, for example params/demo.yml.")
]
QuarterOption = Annotated[
    str,
    typer.Option(
        "--quarter",
        help="The quarter, for example 2024Q4; the last one of the params file unless given.",
    ),
]
FolderArgument = Annotated[
    Path, typer.Argument(help="A quarter's folder, for example outputs/demo/2024Q4.")
]
BranchOption = Annotated[
    list[str],
    typer.Option(
        help="A branch, or ALL for the whole bank; can be given several times. Every branch and "
        "ALL unless given."
    ),
]
ReportOption = Annotated[
    list[str], typer.Option(help="A report; can be given several times. All unless given.")
]
JobsOption = Annotated[
    int, typer.Option(min=0, help="Reports at once; 0: as many as there are cores.")
]


@app.command()
def prepare(params: ParamsFile, quarter: QuarterOption = "") -> None:
    """Check the bank's rows, build the marts and fit the models. Only what changed is done
    again.
    """
    bank, wanted = _bank_and_quarter(params, quarter)
    _prepare(bank, wanted)


@app.command()
def run(
    params: ParamsFile,
    quarter: QuarterOption = "",
    branch: BranchOption = [],  # noqa: B006 - typer's way
    report: ReportOption = [],  # noqa: B006
    jobs: JobsOption = 0,
    cluster: Annotated[
        str,
        typer.Option(
            help="Address of a Dask scheduler, such as tcp://10.0.0.1:8786, whose workers run "
            "the reports instead of this machine."
        ),
    ] = "",
    set_: Annotated[
        list[str],
        typer.Option(
            "--set",
            help="A parameter of the reports, as name=value; for example min_cell=20 or "
            "most_alerts=20.",
        ),
    ] = [],  # noqa: B006
    language: Annotated[
        str, typer.Option(help="Language of the pages; that of the params file unless given.")
    ] = "",
    force: Annotated[
        bool, typer.Option("--force", help="Run reports that are up to date too.")
    ] = False,
    time_limit: Annotated[int, typer.Option(min=1, help="Seconds that one report may take.")] = 600,
    memory_limit: Annotated[
        int, typer.Option(min=100, help="Megabytes that one report may use.")
    ] = 4000,
    retries: Annotated[
        int, typer.Option(min=0, max=10, help="How often a failed report is tried again.")
    ] = 0,
    json_: Annotated[
        bool,
        typer.Option("--json", help="One JSON object per line on standard output, for schedulers."),
    ] = False,
) -> None:
    """Run the reports of a quarter: outputs/<bank>/<quarter>/index.html. Prepares first; what is up
    to date is skipped, and an interrupted run goes on where it stopped.
    """
    from analysis.errors import ParametersError, not_one_of
    from analysis.report import language as languages
    from analysis.runs import pool
    from analysis.runs.warm import provisioner

    bank, wanted = _bank_and_quarter(params, quarter)
    # the servers of kernels and of workers import while this process does, and prepares the bank
    provisioner.warm_up()
    pool.warm_up()
    from analysis.lock import held
    from analysis.prepare import check_branches
    from analysis.runs.catalogue import chosen_reports, set_values
    from analysis.runs.display import follow
    from analysis.runs.grid import check_writable, default_jobs, plan_run, run_plan
    from analysis.runs.task import Limits

    written_in = language or bank.language
    if written_in not in languages.languages():
        raise ParametersError(not_one_of("The language", written_in, languages.languages()))
    set_values(chosen_reports(bank, report, branch), set_)  # before anything takes time
    check_branches(bank, branch)
    check_writable(bank.output_folder / str(wanted))
    signal.signal(signal.SIGTERM, _as_interrupt)
    with held(bank.output_folder / str(wanted), "run"):
        _prepare(bank, wanted)
        limits = Limits(time_limit, memory_limit, retries)
        plan = plan_run(bank, wanted, branch, report, set_, written_in, force, limits)
        total, at_once = len(plan.tasks) + len(plan.fresh), jobs or default_jobs()
        seen_at_once = 1 if cluster else at_once
        with follow(err, json_, total, len(plan.fresh), plan.expected, seen_at_once) as display:
            outcome = run_plan(bank, wanted, plan, at_once, written_in, display.hear, cluster)
    index = str(outcome.folder / "index.html")
    if json_:
        ended = {"done": outcome.done, "failed": len(outcome.failed), "skipped": outcome.skipped}
        print(
            json.dumps(
                {"event": "end", **ended, "interrupted": outcome.interrupted, "index": index}
            ),
            flush=True,
        )
    if outcome.interrupted:
        err.print(f"Interrupted after {outcome.done} reports; the same command goes on from here.")
        raise typer.Exit(130)
    err.print(
        f"{outcome.done} reports done, {len(outcome.failed)} failed, {outcome.skipped} "
        f"were up to date."
    )
    if not json_:
        out.print(index, soft_wrap=True, highlight=False)
    if outcome.failed:
        raise typer.Exit(3)


@app.command()
def verify(
    folder: FolderArgument,
    branch: BranchOption = [],  # noqa: B006
    report: ReportOption = [],  # noqa: B006
    jobs: JobsOption = 0,
) -> None:
    """Replay delivered reports: execute them again with their recorded parameters, and compare
    every text, table and list, and every file's checksum.
    """
    findings, _replayed, _same = _replay(folder, branch, report, jobs)
    if findings:
        raise typer.Exit(4)


@app.command()
def sign(
    folder: FolderArgument,
    by: Annotated[str, typer.Option(help="Who signs; your name or staff number.")],
    note: Annotated[str, typer.Option(help="What you want to say with it.")] = "",
    jobs: JobsOption = 0,
) -> None:
    """Sign a quarter off: replays every report, and writes who, when, what was found and all hashes
    to sign-off.json. A later change voids it on the index.
    """
    from analysis.runs import signoff
    from analysis.runs.manifest import read_quarter

    if not by.strip():
        raise WorkbookError("--by is empty; say who signs.")
    findings, replayed, same = _replay(folder, [], [], jobs)
    manifest = read_quarter(folder)
    path = signoff.sign(manifest, by.strip(), note, replayed, same, findings)
    manifest.write_index()
    err.print(
        f"Signed by {by.strip()}: {same} of {replayed} reports came out the same. {path}",
        highlight=False,
        soft_wrap=True,
        markup=False,
    )
    if findings:
        raise typer.Exit(4)


def _replay(
    folder: Path, branch: list[str], report: list[str], jobs: int
) -> tuple[dict[str, list[str]], int, int]:
    """Replay and tell; the findings by report, how many reports were replayed, and how many of them
    came out the same.
    """
    from analysis.errors import ParametersError, not_one_of
    from analysis.lock import held
    from analysis.runs.grid import default_jobs
    from analysis.runs.manifest import read_quarter
    from analysis.runs.verify import Verdict, changed_sources
    from analysis.runs.verify import verify as replay_all

    manifest = read_quarter(folder)
    known = {
        "branch": {r["branch"] for r in manifest.reports.values()},
        "report": {r["report"] for r in manifest.reports.values()},
    }
    for kind, names in (("branch", branch), ("report", report)):
        for name in names:
            if name not in known[kind]:
                raise ParametersError(not_one_of(f"The {kind}", name, sorted(known[kind])))
    chosen = [
        r
        for r in manifest.content()["reports"]
        if (not branch or r["branch"] in branch) and (not report or r["report"] in report)
    ]
    entries = [r for r in chosen if r["status"] == "done" and "files" in r]
    findings: dict[str, list[str]] = {
        f"{r['branch']} {r['report']}": [
            f"is {r['status']}, or was run by an earlier version; there is nothing to replay"
        ]
        for r in chosen
        if r not in entries
    }
    for name, texts in findings.items():
        err.print(f"{name}: {texts[0]}", markup=False, highlight=False)
    with held(folder.resolve(), "verify"), _progress() as bar:
        task = bar.add_task("replaying", total=len(entries))

        def tell(verdict: Verdict) -> None:
            name = f"{verdict.branch} {verdict.report}"
            bar.update(task, advance=1, description=escape(name))
            for text in verdict.findings:
                err.print(
                    f"{name}: {text}", style="red", markup=False, highlight=False, soft_wrap=True
                )
            if verdict.findings:
                findings[name] = verdict.findings
            elif not err.is_terminal:
                err.print(
                    f"{name}: the same, {verdict.seconds:.1f} s", markup=False, highlight=False
                )

        bank_files = _bank_of(manifest)
        if bank_files and (changed := changed_sources(bank_files)):
            findings["the bank's files"] = changed
            for text in changed:
                err.print(text, style="red", markup=False, highlight=False, soft_wrap=True)
        replay_all(manifest, entries, jobs or default_jobs(), tell)
        manifest.write_index(on_disk=True)
    same = sum(f"{r['branch']} {r['report']}" not in findings for r in entries)
    err.print(f"{len(entries)} reports replayed: {same} the same, {len(entries) - same} not.")
    return findings, len(entries), same


def _bank_of(manifest: "Manifest") -> Bank | None:
    """The bank of a manifest, when its reports have one params file and it is still there."""
    files = {r["parameters"]["params"] for r in manifest.reports.values() if "parameters" in r}
    return (
        read_params(next(iter(files)))
        if len(files) == 1 and Path(next(iter(files))).exists()
        else None
    )


@app.command()
def status(folder: FolderArgument) -> None:
    """What became of every report of a quarter, and which the next run would run again and why."""
    from analysis.runs import signoff
    from analysis.runs.grid import plan_run, why_run
    from analysis.runs.manifest import read_quarter
    from analysis.steps.readings import Fingerprints

    kept = read_quarter(folder)
    manifest = kept.content()
    why = {}
    if bank := _bank_of(kept):
        plan = plan_run(
            bank, Quarter.parse(manifest["quarter"]), [], [], [], manifest["language"], force=True
        )
        marks = Fingerprints(bank.data_folder)
        why = {t.name: why_run(kept, t, marks) for t in plan.tasks}
        marks.save()
    shown = Table(title=f"{manifest['title']}, {manifest['quarter']}")
    for head in ("branch", "report", "status", "seconds", "KB", "would run because"):
        shown.add_column(head, overflow="fold")
    for r in manifest["reports"]:
        shown.add_row(
            r["branch"],
            r["report"],
            r["status"],
            str(r.get("seconds", "")),
            str(r.get("page_bytes", 0) // 1000 or ""),
            escape(why.get((r["branch"], r["report"]), "")),
        )
    out.print(shown)
    if signed := signoff.standing(kept, on_disk=True):
        kept.write_index(on_disk=True)
        void = (
            f" It is void: {', '.join(signed.changed[:5])} changed since." if signed.changed else ""
        )
        out.print(
            f"Signed off by {signed.by} on {signed.at}: {signed.found} reports came out "
            f"the same.{void}",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
    if any(r["status"] == "failed" for r in manifest["reports"]):
        raise typer.Exit(3)


@app.command()
def check(params: ParamsFile) -> None:
    """Is this source fit for the contract? What is there, what is missing and which reports that
    costs, what would be set aside and why.
    """
    from analysis.changes.events import check_rules
    from analysis.contract import CONTRACT
    from analysis.prepare import make_demo_if_asked
    from analysis.runs.catalogue import chosen_reports, missing_tables
    from analysis.sources.land import embedded_engine, land, limit_broken, limit_message

    bank = read_params(params)
    check_rules(bank)
    with err.status("checking") as display, embedded_engine(bank) as con:
        make_demo_if_asked(bank, display.update)
        verdicts = land(bank, con, lambda table: display.update(f"checking {table}"), write=False)
    shown = Table(title=f"{bank.title}: fitness for the contract")
    for head in (
        "table",
        "rows",
        "set aside",
        "rules broken",
        "optional columns missing",
        "newest",
    ):
        shown.add_column(
            head, overflow="fold", justify="right" if head in ("rows", "set aside") else "left"
        )
    for name in CONTRACT:
        v = verdicts[name]
        if v.delivered:
            rules = ", ".join(f"{rule} {count:,}" for rule, count in v.set_aside.items())
            shown.add_row(
                name,
                f"{v.rows:,}",
                f"{v.rows_set_aside:,}",
                escape(rules),
                ", ".join(v.missing_columns),
                v.newest + (" [red]late[/red]" if v.late else ""),
            )
        else:
            shown.add_row(name, "–", "–", "not delivered", "", "")
    out.print(shown)
    for v in verdicts.values():
        for example in v.examples:
            out.print(f"{v.table}: {example}", markup=False, highlight=False, soft_wrap=True)
    delivered = {n for n, v in verdicts.items() if v.delivered}
    for report in chosen_reports(bank, [], []):
        lacking = missing_tables(report, delivered)
        out.print(
            f"{report.name}: "
            + (
                f"does without {', '.join(lacking)}; the page says what that costs."
                if lacking
                else "has all it needs."
            ),
            soft_wrap=True,
        )
    over = [v for v in verdicts.values() if limit_broken(bank, v)]
    for v in over:
        err.print(limit_message(bank, v), markup=False, soft_wrap=True)
    if over:
        raise typer.Exit(1)


@app.command()
def screen(
    params: ParamsFile,
    application: Annotated[
        str, typer.Option(help="The pending mortgage application, for example P000000967.")
    ],
    json_: Annotated[
        bool, typer.Option("--json", help="One JSON object on standard output, for other programs.")
    ] = False,
) -> None:
    """May this mortgage go ahead? Compares a pending application with the mortgage alerts that
    stand, and says why to stop it.

    Prepare the bank first; the application must be in its data. Everything to hold at a branch is
    in the list holds of the report risk_mortgage.
    """
    from analysis.report.words import label
    from analysis.risk.screening import screen as screen_application
    from analysis.sources.land import embedded_engine

    bank = read_params(params)
    with embedded_engine(bank) as con:
        found = screen_application(bank, con, application)
    if json_:
        typer.echo(json.dumps({**vars(found), "verdict": found.verdict}, ensure_ascii=False))
        return
    site = ", ".join(filter(None, [found.compound, found.developer])) or "no site named"
    lines = [
        f"{found.application_id} ({found.branch_id}; {site}), alerts of {found.quarter}: "
        f"{found.verdict}."
    ]
    for alert, reasons in found.alerts.items():
        lines.append(
            f"  {alert}, repaid by {', '.join(found.payers[alert])}: "
            f"{', '.join(label(r).lower() for r in reasons)}."
        )
    if found.related:
        lines.append(f"  Held because of the same alerts: {', '.join(found.related)}.")
    for line in [*lines, *found.remarks]:
        out.print(
            line,
            style="red" if found.alerts and line is lines[0] else None,
            markup=False,
            highlight=False,
            soft_wrap=True,
        )


@app.command()
def contract(
    target: Annotated[Path, typer.Argument(help="The file to write.")] = Path("docs/contract.md"),
) -> None:
    """Write the contract as a page, from its declarations."""
    from analysis.contract.document import contract_page
    from analysis.storage import write_text

    write_text(target, contract_page())


@app.command()
def demo(
    folder: Annotated[
        Path,
        typer.Argument(
            help="The folder to write the bank to; an earlier demo bank there is replaced."
        ),
    ],
    customers: Annotated[
        int, typer.Option(min=500, help="How many customers; about a hundred transactions each.")
    ] = 5000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bank.")] = 7,
) -> None:
    """Make a demo bank of any size. `run params/demo.yml` makes the usual one by itself."""
    from analysis.demo.bank import default_jobs, make_bank

    if folder.exists() and any(folder.iterdir()) and not (folder / "made_with.json").exists():
        raise WorkbookError(
            f"{folder} holds something that is not a demo bank; choose another folder."
        )
    with _progress() as bar:
        task = bar.add_task("customers", total=None)
        make_bank(
            folder,
            customers,
            seed,
            jobs=default_jobs(),
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )


def _bank_and_quarter(params: Path, quarter: str) -> tuple[Bank, Quarter]:
    from analysis.errors import ParametersError, not_one_of

    bank = read_params(params)
    wanted = Quarter.parse(quarter) if quarter else bank.quarters.last
    if wanted not in bank.all_quarters:
        raise ParametersError(
            not_one_of("The quarter", str(wanted), [str(q) for q in bank.all_quarters])
        )
    return bank, wanted


def _prepare(bank: Bank, quarter: Quarter) -> None:
    from analysis.prepare import prepare as prepare_bank

    try:
        with err.status("preparing") as display:
            prepared = prepare_bank(bank, quarter, lambda text: display.update(text))
    except KeyboardInterrupt:
        err.print("Interrupted while preparing; the same command goes on from here.")
        raise typer.Exit(130) from None
    aside = sum(v.rows_set_aside for v in prepared.verdicts.values())
    built = (
        f"Marts built: {', '.join(prepared.quarters_built)}."
        if prepared.quarters_built
        else "Marts are up to date."
    )
    err.print(
        f"{built} {aside:,} rows set aside"
        + (f", in {bank.data_folder / 'quarantine'}." if aside else "."),
        soft_wrap=True,
        highlight=False,
    )


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
    try:
        app()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(bool(end.code))
    except WorkbookError as error:
        err.print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
        status = 1
    except PermissionError as error:
        err.print(
            f"{error.filename} cannot be written or read: {error.strerror}.",
            style="red",
            markup=False,
            soft_wrap=True,
        )
        status = 1
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
