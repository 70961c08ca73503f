"""What is wrong with a table's rows, counted and in sentences for whoever has to mend it."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches

from ibis.backends.duckdb import Backend

from analysis.contract import CONTRACT, Column, Table
from analysis.contract.checks import EMPTY_WORD, as_read
from analysis.contract.values import ACCEPTED
from analysis.language import listed, say, sentences
from analysis.sources.accepted import Verdict

Unreadable = tuple[str, int, str]  # file, line, text

UNREADABLE = "unreadable_line"
#: Rules that a row may break for its values to be told, and how much of one is.
MOST_BROKEN, LONGEST_VALUE = 2, 40
#: Rules and values that are told of, and rows that are looked at for it.
MOST_RULES, MOST_VALUES, MOST_ROWS = 8, 5, 20_000
#: An identifier, which no name looks like: three letters at most before its number.
LIKE_A_KEY = re.compile(r"[A-Za-z]{0,3}[_.:/-]?[0-9][A-Za-z0-9_.:/-]*")
#: In so many rows a value has to stand to be told where it is no identifier: a column may hold what
#: belongs into another, and then what stands in few rows says who it is.
LEAST_SHARED = 3


@dataclass
class _Broken:
    """What was seen of the rows that break a rule."""

    first: str = ""  # file, line and key
    values: Counter[str] = field(default_factory=Counter)


def count_faults(
    con: Backend, checked_name: str, unreadable: list[Unreadable], verdict: Verdict
) -> None:
    """Fill in how many rows there are, how many break which rule, and what to know of each."""
    counts = con.raw_sql(f'SELECT broken, count(*) FROM "{checked_name}" GROUP BY 1').fetchall()
    left_out = con.raw_sql(
        f"SELECT emptied, count(*) FROM \"{checked_name}\" WHERE broken = '' AND emptied != '' "
        "GROUP BY 1"
    ).fetchall()
    verdict.rows = sum(n for _, n in counts) + len(unreadable)
    verdict.rows_set_aside = sum(n for broken, n in counts if broken) + len(unreadable)
    verdict.set_aside = _most_first([(UNREADABLE, len(unreadable)), *counts])
    emptied = _most_first(left_out)
    words = {rule.split(".")[0]: n for rule, n in emptied.items() if rule.endswith(EMPTY_WORD)}
    verdict.empty_words = words
    verdict.emptied = {r: n for r, n in emptied.items() if not r.endswith(EMPTY_WORD)}
    if verdict.set_aside or verdict.emptied:
        verdict.faults = _sentences(con, checked_name, unreadable, verdict)


def _most_first(counts: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Rows by rule, of counts by the rules a row breaks."""
    by_rule: dict[str, int] = {}
    for rules, n in counts:
        for rule in filter(None, rules.split(", ")):
            by_rule[rule] = by_rule.get(rule, 0) + n
    return dict(sorted(((r, n) for r, n in by_rule.items() if n), key=lambda i: (-i[1], i[0])))


def _sentences(
    con: Backend, checked_name: str, unreadable: list[Unreadable], verdict: Verdict
) -> list[str]:
    """For each rule broken: how often, what is accepted, what was found, and where first."""
    table = CONTRACT[verdict.table]
    rows = con.raw_sql(
        f'SELECT source_file, source_line, broken, emptied, row_as_read FROM "{checked_name}" '
        f"WHERE broken != '' OR emptied != '' ORDER BY 1, 2 LIMIT {MOST_ROWS}"
    ).fetchall()
    seen: dict[str, _Broken] = {UNREADABLE: _Broken()}
    place = say("{file} line {line:,}")
    if unreadable:
        seen[UNREADABLE].first = place.format(file=unreadable[0][0], line=unreadable[0][1])
    for file, line, broken, emptied, row in rows:
        left_out = [r for r in emptied.split(", ") if r and not r.endswith(EMPTY_WORD)]
        rules = [*filter(None, broken.split(", ")), *left_out]
        for rule in rules:
            of_rule = seen.setdefault(rule, _Broken())
            first = f"{place.format(file=file, line=line)}{_key_of(table, row)}"
            of_rule.first = of_rule.first or first
            if len(rules) <= MOST_BROKEN and (value := _value_told(table, rule, row)):
                of_rule.values[value] += 1
    told = [
        _sentence(table, rule, what.format(n=n), seen.get(rule, _Broken()), len(rows) < MOST_ROWS)
        for counts, what in (
            (verdict.set_aside, say("{n:,} rows")),
            (verdict.emptied, say("{n:,} values left out")),
        )
        for rule, n in counts.items()
    ]
    if len(told) <= MOST_RULES:
        return told
    more = say("{n} more rules are broken.").format(n=len(told) - MOST_RULES)
    return [*told[:MOST_RULES], more]


def _sentence(table: Table, rule: str, count: str, seen: _Broken, all_seen: bool) -> str:
    shared = {
        value: n
        for value, n in seen.values.items()
        if n >= LEAST_SHARED or _is_code(table, rule, value)
    }
    forms: Counter[str] = Counter()
    for value, n in seen.values.items():
        if value not in shared:
            forms[_form(value)] += n
    found, of_form = (_counted(values, all_seen) for values in (shared, forms))
    told = say("{rule}: {count}. Accepted: {accepted}.").format(
        rule=rule, count=count, accepted=accepted_values(table, rule)
    )
    return sentences(
        told,
        say("Found: {values}.").format(values=listed(found)) if found else "",
        say("Of the form, 9 for a digit and a for a letter: {forms}.").format(forms=listed(of_form))
        if of_form
        else "",
        say("First: {place}.").format(place=seen.first) if seen.first else "",
    )


def _is_code(table: Table, rule: str, value: str) -> bool:
    """Whether a value of few rows is an identifier or nearly one of the codes that are accepted:
    any other may be a name that stands in the wrong column.
    """
    column = next((c for c in table.columns if c.name == rule.split(".")[0]), None)
    if column is None:
        return False
    if column.type == "id":
        return LIKE_A_KEY.fullmatch(value) is not None
    return bool(get_close_matches(value, column.allowed, n=1))


def _form(value: str) -> str:
    """A value without what it says: 9 for a digit, a for a letter."""
    return re.sub(r"[^\W\d_]", "a", re.sub(r"\d", "9", value))


def _counted(values: Mapping[str, int], all_seen: bool) -> list[str]:
    """The most frequent values, in quotes and with how many rows have each."""
    order = sorted(values.items(), key=lambda v: -v[1])
    told = [f"{value!r} ({n:,})" if all_seen else repr(value) for value, n in order[:MOST_VALUES]]
    return [*told, "…"] if len(order) > MOST_VALUES else told


def accepted_values(table: Table, rule: str) -> str:
    """What a rule of the contract asks for, in words."""
    if rule == UNREADABLE:
        return say("as many columns as the header has, and quotes that are closed")
    if rule == "unique_key":
        return say("each {columns} once; the first is kept").format(columns=listed(table.key))
    if row_rule := next((r for r in table.rules if r.name == rule), None):
        return say(row_rule.meaning).format(**row_rule.of)
    name, _, what = rule.partition(".")
    column = table.column(name)
    if what == "type":
        return say(ACCEPTED[column.type])
    words = {
        "required": say("must be filled"),
        "allowed": say("one of {values}").format(values=listed(column.allowed)),
        "reference": say("exists in {table}").format(table=column.references),
        "minimum": say("at least {value}").format(value=column.minimum),
        "maximum": say("at most {value}").format(value=column.maximum),
        "pattern": say("matches {pattern}").format(pattern=column.pattern),
        "future": say("not after the day the data was taken"),
    }
    return words[what]


def _value_told(table: Table, rule: str, row: str) -> str:
    """The value that breaks a rule, of columns that say nothing of a person.

    A row that breaks many was perhaps split at the wrong place, and any column may hold a name; so
    may an identifier that looks like none.
    """
    columns: dict[str, Column] = {column.name: column for column in table.columns}
    column = columns.get(rule.split(".")[0])
    if column is None or column.personal or column.describes:
        return ""
    value = as_read(row, column.name)[:LONGEST_VALUE]
    return value if column.type != "id" or LIKE_A_KEY.fullmatch(value) else ""


def _key_of(table: Table, row: str) -> str:
    """The key of a row, as far as it looks like an identifier."""
    key = [as_read(row, column) for column in table.key]
    return f", {' / '.join(key)}" if all(LIKE_A_KEY.fullmatch(part) for part in key) else ""
