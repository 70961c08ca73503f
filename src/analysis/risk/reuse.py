"""Parts of a decision that several settings share are computed once.

Other thresholds are tried by deciding the same candidates again under each (`thresholds.curves`),
and most of that work does not read the threshold that is tried. A function marked `reused` notes
which settings it reads; within `reusing` it is not run again for the same frames and the same
values of those settings. Where another value leads to an equal result, the earlier one is handed
out, so that what rests on it need not be done again either. What is handed out is shared: nobody
may change it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, fields, is_dataclass
from functools import wraps
from typing import Any, ParamSpec, TypeVar, cast

import pandas as pd
from pydantic import BaseModel

Given = ParamSpec("Given")
Made = TypeVar("Made")


class _Noting:
    """Settings that note which of them are read; whoever handed them on notes it as well."""

    def __init__(self, settings: "BaseModel | _Noting") -> None:
        self._settings = settings
        self._read: dict[str, object] = {}

    def __getattr__(self, name: str) -> object:
        self._read[name] = getattr(self._settings, name)
        return self._read[name]


@dataclass(frozen=True)
class _Result:
    inputs: tuple[object, ...]  # kept, so that no other object gets the identity of one of them
    read: dict[str, object]
    value: object


_Results = dict[tuple[object, ...], list[_Result]]
_results: ContextVar[_Results | None] = ContextVar("results", default=None)


@contextmanager
def reusing() -> Iterator[None]:
    """Within it, functions marked `reused` are not run again for what they were run on."""
    token = _results.set({})
    try:
        yield
    finally:
        _results.reset(token)


def reused(function: Callable[Given, Made]) -> Callable[Given, Made]:
    """Mark a function of frames, texts and settings (positional, one settings model at most) whose
    result rests on nothing else.
    """

    @wraps(function)
    def call(*inputs: Given.args, **named: Given.kwargs) -> Made:
        results = _results.get()
        if results is None or named:
            return function(*inputs, **named)
        settings = next((i for i in inputs if isinstance(i, BaseModel | _Noting)), None)
        others = tuple(i for i in inputs if i is not settings)
        earlier = results.setdefault((function, *map(_key, others)), [])
        # what is told of one party is compared whatever frames it came from
        texts = tuple(i for i in others if isinstance(i, str))
        alike = results.setdefault((function, texts), []) if texts else earlier
        for result in earlier:
            if all(_peek(settings, name) == value for name, value in result.read.items()):
                _note(settings, result.read)
                return cast(Made, result.value)
        noting = _Noting(settings) if settings is not None else None
        noted = [noting if i is settings and noting else i for i in inputs]
        value = cast(Callable[..., Made], function)(*noted)
        value = next((cast(Made, r.value) for r in alike if equal(r.value, value)), value)
        result = _Result(others, noting._read if noting else {}, value)
        earlier.append(result)
        if alike is not earlier:
            alike.append(result)
        return value

    return call


def _peek(settings: object, name: str) -> object:
    while isinstance(settings, _Noting):
        settings = settings._settings
    return getattr(settings, name)


def _note(settings: object, read: dict[str, object]) -> None:
    while isinstance(settings, _Noting):
        settings._read |= read
        settings = settings._settings


def _key(value: object) -> object:
    if value is None or isinstance(value, str | int | float | frozenset):
        return value
    return tuple(map(_key, value)) if isinstance(value, tuple) else id(value)


def equal(one: object, other: object) -> bool:
    """Whether two results are the same in every value, type and order."""
    if one is other:
        return True
    if type(one) is not type(other):
        return False
    if isinstance(one, pd.DataFrame | pd.Series):
        return one.equals(cast(Any, other))
    if isinstance(one, dict):
        same = cast("dict[object, object]", other)
        return list(one) == list(same) and all(equal(v, same[k]) for k, v in one.items())
    if isinstance(one, list | tuple):
        more = cast("list[object]", other)
        return len(one) == len(more) and all(map(equal, one, more))
    if is_dataclass(one):
        return all(equal(getattr(one, f.name), getattr(other, f.name)) for f in fields(one))
    return isinstance(one, str | int | float | set | frozenset) and one == other
