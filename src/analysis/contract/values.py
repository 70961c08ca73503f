"""Values as a bank writes them, read as the contract's types: exactly, or not at all.

The expressions are Ibis. Each gives null where a value is not written in one of the accepted forms;
nothing is rounded, cut off or guessed.
"""

import datetime as dt
import re

import ibis
import ibis.expr.datatypes as dtypes
import ibis.expr.types as ir

from analysis.contract.declaration import Column
from analysis.contract.formats import Formats
from analysis.language import marked

#: What stands around values without being part of them: blanks, also no-break and full-width ones.
BLANKS = " \t\r\n\v\f\u00a0\u2007\u202f\u3000\u200b\ufeff"
#: Accepted ways to write a value, by the contract's type.
ACCEPTED = {
    "id": marked("text; a whole number; not 6.2E+18, which has lost digits"),
    "text": marked("text"),
    "date": marked("2024-01-31, 2024/1/31, 20240131, 2024年1月31日, or a moment"),
    "timestamp": marked("a day, and perhaps 18:30, 18:30:05, +08:00, Z or UTC behind it"),
    "amount": marked("1234.50, with as many decimals as the currency has"),
    "number": marked("1234.5 or 1.2e3"),
    "integer": marked("12, or 12.0"),
    "flag": marked("true and false, yes and no, t and f, y and n, 1 and 0, 是 and 否"),
}
TRUE = ("true", "t", "yes", "y", "1", "1.0", "是")
FALSE = ("false", "f", "no", "n", "0", "0.0", "否")
#: The first year that a day is believed to lie in; a 20 or a 0001 are no years.
FIRST_YEAR = 1800
#: Whole numbers that a double holds exactly.
LARGEST_EXACT = 2**53
#: How far a double may lie from the amount it stands for.
NOISE, RELATIVE_NOISE = 1e-6, 4e-16

DAY = r"\d{4}-\d{1,2}-\d{1,2}"
CLOCK = r"[T ] *\d{1,2}:\d{2}(:\d{2}(\.\d{1,9})?)?"
ZONE = r"(Z|[+-]\d{2}(:\d{2})?)"


@ibis.udf.scalar.builtin(signature=(("string", "timestamp('UTC')"), "timestamp(6)"))
def timezone(zone: str, moment: dt.datetime) -> dt.datetime:  # type: ignore[empty-body]
    """The local time in a zone (a function of the engine)."""


@ibis.udf.scalar.builtin(signature=(("string", "array<string>"), "timestamp(6)"))
def try_strptime(text: str, written: list[str]) -> dt.datetime:  # type: ignore[empty-body]
    """A moment written in one of several ways, or null (a function of the engine)."""


@ibis.udf.scalar.builtin(signature=(("string", "string"), "string"))
def trim(text: str, blanks: str) -> str:  # type: ignore[empty-body]
    """Without the blanks around it (a function of the engine)."""


def as_written(value: ir.Value) -> ir.Value:
    """The value without the blanks around it; null where nothing is left."""
    if value.type().is_string():
        return trim(value, BLANKS).nullif("")
    return value


def stands_for_nothing(value: ir.Value, formats: Formats) -> ir.BooleanValue:
    """Whether the value (as `as_written` gives it) is a word for nothing."""
    if value.type().is_string():
        return value.isin(formats.empty)
    if value.type().is_floating():
        return value.isnan()
    return ibis.literal(False)


def read_as(value: ir.Value, column: Column, zone: str, formats: Formats) -> ir.Value:
    """The value (as `as_written` gives it) in the column's type; null where it cannot be read so.

    zone: IANA name of the bank's time zone; a moment with an offset is converted to it, one without
    is in it.
    """
    kind = column.type
    if kind in ("id", "text"):
        return _identifier(value) if kind == "id" else _text(value)
    if kind == "date":
        return _local(value, zone, formats).cast("date")
    if kind == "timestamp":
        return _local(value, zone, formats)
    if kind == "flag":
        return _flag(value)
    read = _written_number if value.type().is_string() else _exact_number
    return read(value, column, formats)


def _identifier(value: ir.Value) -> ir.Value:
    if value.type().is_string():
        lost_digits = value.re_search(r"^[+-]?\d+(\.\d+)?[eE]\+?\d+$")
        return ibis.ifelse(lost_digits, ibis.null("string"), value)
    if value.type().is_floating() or value.type().is_decimal():
        return _whole(value).cast("string")
    return value.cast("string")


def _text(value: ir.Value) -> ir.Value:
    if value.type().is_floating() or value.type().is_decimal():
        return ibis.coalesce(_whole(value).cast("string"), value.cast("string"))
    return value.cast("string")


def _whole(value: ir.NumericValue) -> ir.Value:
    """A number without a fraction as an integer; null for any other."""
    exact = value % 1 == 0
    if value.type().is_floating():
        exact &= value.abs() <= LARGEST_EXACT
    return ibis.ifelse(exact, value, ibis.null(value.type())).try_cast("int64")


def _local(value: ir.Value, zone: str, formats: Formats) -> ir.Value:
    """A moment in the bank's local time."""
    kind = value.type()
    if isinstance(kind, dtypes.Timestamp):
        moment = timezone(zone, value.cast("timestamp('UTC')")) if kind.timezone else value
        return _believed(moment.cast("timestamp(6)"))
    if kind.is_date():
        return _believed(value.cast("timestamp(6)"))
    if kind.is_integer():
        value = value.cast("string")
    if not value.type().is_string():
        return ibis.null("timestamp(6)")
    plain = value.re_search(f"^{DAY}({CLOCK})?$")
    text = _iso(value)
    rest = ibis.ifelse(
        text.re_search(f"^{DAY}{CLOCK} *{ZONE}$"),
        timezone(zone, text.try_cast("timestamp('UTC')")),
        ibis.ifelse(
            text.re_search(f"^{DAY}({CLOCK})?$"),
            text.try_cast("timestamp(6)"),
            ibis.null("timestamp(6)"),
        ),
    )
    if formats.dates:
        rest = ibis.coalesce(rest, try_strptime(value, ibis.array(formats.dates)))
    return _believed(ibis.ifelse(plain, value.try_cast("timestamp(6)"), rest))


def _iso(text: ir.StringValue) -> ir.StringValue:
    """The accepted ways to write a day and a moment as one."""
    day = text.re_replace(r"^(\d{4})[/.年-](\d{1,2})[/.月-](\d{1,2})日?", r"\1-\2-\3")
    day = day.re_replace(r"^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})$", r"\1-\2-\3 \4:\5:\6")
    day = day.re_replace(r"^(\d{4})(\d{2})(\d{2})($|[T ])", r"\1-\2-\3\4")
    zone = day.re_replace(r" *(UTC|GMT|utc|gmt|z)$", "Z")
    offset = zone.re_replace(r"(:\d{2}(?:\.\d+)?) *([+-]\d{2}):?(\d{2})?$", r"\1\2:\3")
    return offset.re_replace(r":$", ":00")


def _believed(moment: ir.TimestampValue) -> ir.Value:
    return ibis.ifelse(moment.year() >= FIRST_YEAR, moment, ibis.null("timestamp(6)"))


def _flag(value: ir.Value) -> ir.Value:
    if value.type().is_boolean():
        return value
    text = (value if value.type().is_string() else value.cast("string")).lower()
    return ibis.cases(
        (text.isin(TRUE), True), (text.isin(FALSE), False), else_=ibis.null("boolean")
    )


def _written_number(text: ir.StringValue, column: Column, formats: Formats) -> ir.Value:
    """A number written as the bank writes numbers."""
    point, group = re.escape(formats.decimal), re.escape(formats.thousands)
    whole = rf"(\d{{1,3}}({group}\d{{3}})+|\d+)" if group else r"\d+"
    fraction = {
        "amount": rf"({point}\d{{0,{formats.decimals}}})?",
        "integer": rf"({point}0*)?",
        "number": rf"({point}\d*)?([eE][+-]?\d+)?",
    }[column.type]
    text = text.replace("\u2212", "-")
    if formats.minus == "after":
        text = text.re_replace(r"^(.*\d)-$", r"-\1")
    elif formats.minus == "brackets":
        text = text.re_replace(r"^\((.*)\)$", r"-\1")
    if formats.thousands == " ":
        text = text.replace("\u00a0", " ").replace("\u202f", " ")
    is_number = text.re_search(rf"^[+-]?({whole}{fraction}|{point}\d+)$")
    plain = text.replace(formats.thousands, "") if formats.thousands else text
    if formats.decimal != ".":
        plain = plain.replace(formats.decimal, ".")
    if column.type == "integer":
        plain = plain.re_replace(r"\.0*$", "")
    elif column.type == "amount":
        is_number &= ~text.re_search(rf"{point}\d{{{formats.decimals + 1},}}$")
    return ibis.ifelse(is_number, plain, ibis.null("string")).try_cast(column.ibis_type)


def _exact_number(value: ir.Value, column: Column, formats: Formats) -> ir.Value:
    """A number that came as one, where nothing is lost."""
    if not value.type().is_numeric():
        return ibis.null(column.ibis_type)
    if column.type == "integer":
        return value.cast("int64") if value.type().is_integer() else _whole(value)
    if value.type().is_integer():
        return value.try_cast(column.ibis_type)
    if column.type == "number":
        number = value.cast("float64")
        return ibis.ifelse(number.isinf(), ibis.null("float64"), number)
    rounded = value.round(formats.decimals)
    off = (value - rounded).abs()
    exact = off <= NOISE + RELATIVE_NOISE * value.abs() if value.type().is_floating() else off == 0
    return ibis.ifelse(exact, rounded, ibis.null(rounded.type())).try_cast(column.ibis_type)
