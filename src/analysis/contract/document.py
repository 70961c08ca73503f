"""docs/contract.md, generated from the declarations."""

from analysis.contract.formats import EMPTY_WORDS
from analysis.contract.tables import CONTRACT
from analysis.contract.values import ACCEPTED


def contract_page() -> str:
    """The contract as Markdown; a test keeps docs/contract.md equal to it."""
    lines = [
        "# The contract",
        "",
        "What the workbook expects of a bank's tables. Generated from "
        "`src/analysis/contract/tables.py` by `workbook contract`; do not edit.",
        "",
        "A row that breaks a rule is set aside in `quarantine/<table>.parquet` with the "
        "name of the rule (`<column>.<rule>`), the file and line it stood on, and what it "
        "said.",
        "Of rows with the same key the first is kept and the others break `unique_key`. A "
        "line that cannot be split into columns breaks `unreadable_line`.",
        "A value that cannot be read as its type breaks `<column>.type`; nothing is rounded, cut "
        "off or guessed.",
        "",
        "A fault in a column that may be empty costs no row: the value is left out, counted, and "
        "kept in `quarantine/<table>_values.parquet`. Where an empty value says something, as an "
        "account without a day of closing does, the row is set aside; those columns are marked "
        "*empty tells*.",
        "",
        "| type | accepted forms |",
        "|---|---|",
        *[f"| {kind} | {forms} |" for kind, forms in ACCEPTED.items()],
        "",
        "Blanks around values are no part of them, and these words stand for nothing: "
        + ", ".join(f"`{word}`" for word in EMPTY_WORDS)
        + ". How else a bank writes its values is said under `formats` in the params file "
        "(`docs/formats.md`).",
        "",
        "**Indispensable:** "
        + ", ".join(f"`{t.name}`" for t in CONTRACT.values() if t.indispensable)
        + ". Any other table may be missing; the reports that need it say so.",
        "",
        "Columns marked *personal* name or locate a person. They are checked and kept with "
        "the accepted rows, and are never carried into a mart or a report.",
        "",
    ]
    for table in CONTRACT.values():
        lines += [
            f"## {table.name}",
            "",
            table.meaning,
            "",
            "Key: " + ", ".join(f"`{k}`" for k in table.key) + ".",
        ]
        if table.late_days is not None:
            lines += [
                "",
                f"Freshness: the newest `{table.dated_by}` may lie at most "
                f"{table.late_days} days before the end of the last quarter.",
            ]
        lines += ["", "| column | type | unit | meaning | rules |", "|---|---|---|---|---|"]
        for c in table.columns:
            marks = [
                " *Personal.*" if c.personal else "",
                " *Empty tells.*" if c.empty_tells else "",
            ]
            meaning = c.meaning + "".join(marks)
            rules = "; ".join(c.rules()).replace("|", "\\|")
            lines.append(f"| `{c.name}` | {c.type} | {c.unit} | {meaning} | {rules} |")
        for rule in table.rules:
            lines += ["", f"Rule `{rule.name}`: {rule.meaning.format(**rule.of)}."]
        lines.append("")
    return "\n".join(lines)
