"""What is stored comes back as it was, and nothing else comes in."""

import json
import math

import pandas as pd
import pytest
from pydantic import ValidationError

from analysis.language import Impossible, because, impossible
from analysis.shape import Shape, rows_as


class Level(Shape):
    name: str
    share: float | None
    spread: float = 0.0


class Result(Shape):
    levels: list[Level] | Impossible


def test_numbers_come_back_to_the_last_digit_and_one_that_is_none_stays_so():
    result = Result(levels=[Level(name="a", share=0.1 + 0.2, spread=math.nan)])
    again = Result.model_validate_json(result.model_dump_json())
    assert again.levels[0].share == 0.1 + 0.2 and math.isnan(again.levels[0].spread)
    by_hand = Result.model_validate_json(json.dumps(result.model_dump(mode="json")))
    assert by_hand.levels[0].share == 0.1 + 0.2 and math.isnan(by_hand.levels[0].spread)


def test_what_could_not_be_computed_comes_back_with_its_reason():
    result = Result(levels=impossible("{n} answers; {least} are needed.", n=1200, least=100))
    again = Result.model_validate_json(result.model_dump_json())
    assert because(again.levels) == "1,200 answers; 100 are needed."
    assert because([]) == ""


def test_a_file_of_another_layout_is_refused():
    for content in ('{"levels": [], "key": "x"}', '{"groups": []}'):
        with pytest.raises(ValidationError):
            Result.model_validate_json(content)


def test_what_is_stored_is_not_changed():
    with pytest.raises(ValidationError):
        Level(name="a", share=None).name = "b"


def test_rows_of_a_table_have_empty_values_as_nothing_and_fractions_cut():
    table = pd.DataFrame({"name": ["a", "b"], "share": [1 / 3, float("nan")]})
    assert rows_as(Level, table, 2) == [Level(name="a", share=0.33), Level(name="b", share=None)]
