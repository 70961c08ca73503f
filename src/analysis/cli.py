"""The command `workbook`: from a bank's tables to reports, one verb per step."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from analysis.errors import WorkbookError
from analysis.quarters import Quarter
from analysis.sources.params import Bank, read_params

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Reports on a bank's customers, per branch and quarter.\n\nTry it on the demo bank: [bold]workbook run params/demo.yml[/bold]. With your own data: write a params file like params/berka.yml, then"
    " [bold]check[/bold] it, [bold]prepare[/bold] and [bold]run[/bold].\n\nExit status: 0 all is well; 1 something asked for could not be used; 2 the command line is wrong; 3 reports failed; 130 interrupted.",
)
err = Console(stderr=True)
out = Console()

ParamsFile = Annotated[Path, typer.Argument(help="The bank's params file, for example params/demo.yml.")]
QuarterOption = Annotated[
    str,
    typer.Option("--quarter", help="The quarter, for example 2024Q4; the last one of the params file unless given."),
]


@app.command()
def prepare(params: ParamsFile, quarter: QuarterOption = "") -> None:
    """Check the bank's rows, build the marts and fit the models. Only what changed is done again."""
    bank, wanted = _bank_and_quarter(params, quarter)
    _prepare(bank, wanted)


@app.command()
def run(
    params: ParamsFile,
    quarter: QuarterOption = "",
    branch: Annotated[
        list[str],
        typer.Option(
            help="A branch, or ALL for the whole bank; can be given several times. Every branch and ALL unless given."
        ),
    ] = [],  # noqa: B006 - typer's way
    report: Annotated[
        list[str], typer.Option(help="A report; can be given several times. Those of the params file unless given.")
    ] = [],  # noqa: B006
    jobs: Annotated[int, typer.Option(min=0, help="Reports at once; 0: as many as there are cores.")] = 0,
    set_: Annotated[
        list[str],
        typer.Option(
            "--set", help="A parameter of the reports, as name=value; for example min_cell=20 or min_borrowers=4."
        ),
    ] = [],  # noqa: B006
    language: Annotated[str, typer.Option(help="Language of the pages; that of the params file unless given.")] = "",
    force: Annotated[bool, typer.Option("--force", help="Run reports that are up to date too.")] = False,
    time_limit: Annotated[int, typer.Option(min=1, help="Seconds that one cell may take.")] = 600,
) -> None:
    """Run the reports of a quarter: outputs/<bank>/<quarter>/index.html. Prepares first; an interrupted run goes on where it stopped."""
    from analysis import language as languages
    from analysis.errors import ParametersError, not_one_of
    from analysis.prepare import check_branches
    from analysis.runs.catalogue import chosen_reports, set_values
    from analysis.runs.grid import default_jobs, plan_run, run_plan

    bank, wanted = _bank_and_quarter(params, quarter)
    written_in = language or bank.language
    if written_in not in languages.languages():
        raise ParametersError(not_one_of("The language", written_in, languages.languages()))
    set_values(chosen_reports(bank, report), set_)  # before anything takes time
    check_branches(bank, branch)
    _prepare(bank, wanted)
    plan = plan_run(bank, wanted, branch, report, set_, written_in, force, time_limit)
    if plan.fresh:
        err.print(f"{len(plan.fresh)} reports are up to date.")
    with _progress() as bar:
        task = bar.add_task("reports", total=len(plan.tasks) + len(plan.fresh), completed=len(plan.fresh))

        def tell(entry: dict[str, object], done: int, total: int) -> None:
            bar.update(task, completed=done, description=f"{entry['branch']} {entry['report']}")
            if entry["status"] == "failed":
                err.print(f"[red]failed[/red] {entry['branch']} {entry['report']}: {escape(str(entry['error']))}")
            elif not err.is_terminal:
                err.print(f"{done}/{total} {entry['branch']} {entry['report']} {entry['seconds']} s")

        outcome = run_plan(bank, wanted, plan, jobs or default_jobs(), written_in, tell)
    if outcome.interrupted:
        err.print(f"Interrupted after {outcome.done} reports; the same command goes on from here.")
        raise typer.Exit(130)
    err.print(f"{outcome.done} reports done, {len(outcome.failed)} failed, {outcome.skipped} were up to date.")
    out.print(str(outcome.folder / "index.html"), soft_wrap=True, highlight=False)
    if outcome.failed:
        raise typer.Exit(3)


@app.command()
def status(
    folder: Annotated[Path, typer.Argument(help="A quarter's folder, for example outputs/demo/2024Q4.")],
) -> None:
    """What became of every report of a quarter, and which the next run would run again and why."""
    from analysis.runs.grid import plan_run, why_run
    from analysis.runs.manifest import read_manifest

    if not (folder / "manifest.json").exists():
        others = sorted(str(p.parent) for p in folder.parent.glob("*/manifest.json")) if folder.parent.is_dir() else []
        raise WorkbookError(
            f"{folder} holds no manifest.json."
            + (f" Quarters that were run: {', '.join(others)}." if others else " Run `workbook run` first.")
        )
    manifest = read_manifest(folder)
    why = {}
    files = {r["parameters"]["params"] for r in manifest["reports"] if "parameters" in r}
    if len(files) == 1 and Path(next(iter(files))).exists():
        bank = read_params(next(iter(files)))
        plan = plan_run(bank, Quarter.parse(manifest["quarter"]), [], [], [], manifest["language"], force=True)
        why = {(t.branch, t.report): why_run(manifest, t) for t in plan.tasks}
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
    if any(r["status"] == "failed" for r in manifest["reports"]):
        raise typer.Exit(3)


@app.command()
def check(params: ParamsFile) -> None:
    """Is this source fit for the contract? What is there, what is missing and which reports that costs, what would be set aside and why."""
    from analysis.contract import CONTRACT
    from analysis.prepare import make_demo_if_asked
    from analysis.runs.catalogue import chosen_reports, missing_tables
    from analysis.sources.land import embedded_engine, land, limit_broken, limit_message

    bank = read_params(params)
    with err.status("checking") as display, embedded_engine(bank) as con:
        make_demo_if_asked(bank, display.update)
        verdicts = land(bank, con, lambda table: display.update(f"checking {table}"), write=False)
    shown = Table(title=f"{bank.title}: fitness for the contract")
    for head in ("table", "rows", "set aside", "rules broken", "optional columns missing", "newest"):
        shown.add_column(head, overflow="fold", justify="right" if head in ("rows", "set aside") else "left")
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
    for report in chosen_reports(bank, []):
        lacking = missing_tables(report, delivered)
        out.print(
            f"{report.name}: "
            + (
                f"does without {', '.join(lacking)}; the page says what that costs." if lacking else "has all it needs."
            ),
            soft_wrap=True,
        )
    over = [v for v in verdicts.values() if limit_broken(bank, v)]
    for v in over:
        err.print(limit_message(bank, v), markup=False, soft_wrap=True)
    if over:
        raise typer.Exit(1)


@app.command()
def contract(target: Annotated[Path, typer.Argument(help="The file to write.")] = Path("docs/contract.md")) -> None:
    """Write the contract as a page, from its declarations."""
    from analysis.contract.document import contract_page
    from analysis.storage import write_text

    write_text(target, contract_page())


@app.command()
def demo(
    folder: Annotated[
        Path, typer.Argument(help="The folder to write the bank to; an earlier demo bank there is replaced.")
    ],
    customers: Annotated[
        int, typer.Option(min=500, help="How many customers; about a hundred transactions each.")
    ] = 5000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bank.")] = 7,
) -> None:
    """Make a demo bank of any size. `run params/demo.yml` makes the usual one by itself."""
    from analysis.demo.bank import default_jobs, make_bank

    if folder.exists() and any(folder.iterdir()) and not (folder / "made_with.json").exists():
        raise WorkbookError(f"{folder} holds something that is not a demo bank; choose another folder.")
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
        raise ParametersError(not_one_of("The quarter", str(wanted), [str(q) for q in bank.all_quarters]))
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
        f"Marts built: {', '.join(prepared.quarters_built)}." if prepared.quarters_built else "Marts are up to date."
    )
    err.print(
        f"{built} {aside:,} rows set aside" + (f", in {bank.data_folder / 'quarantine'}." if aside else "."),
        soft_wrap=True,
        highlight=False,
    )


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
    """Run the command; a fault the person can mend is told without a traceback."""
    try:
        app()
    except WorkbookError as error:
        err.print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
        sys.exit(1)
    except PermissionError as error:
        err.print(
            f"{error.filename} cannot be written or read: {error.strerror}.", style="red", markup=False, soft_wrap=True
        )
        sys.exit(1)
