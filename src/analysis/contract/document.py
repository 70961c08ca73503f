"""docs/contract.md, generated from the declarations."""

from analysis.contract.tables import CONTRACT


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
        "A value that cannot be read as its type breaks `<column>.type`.",
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
            meaning = c.meaning + (" *Personal.*" if c.personal else "")
            rules = "; ".join(c.rules()).replace("|", "\\|")
            lines.append(f"| `{c.name}` | {c.type} | {c.unit} | {meaning} | {rules} |")
        for rule in table.rules:
            lines += ["", f"Rule `{rule.name}`: {rule.meaning}."]
        lines.append("")
    return "\n".join(lines)
