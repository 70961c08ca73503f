"""Names, addresses and numbers are written alike before they are compared."""

import pandas as pd
import pytest

from analysis.identification.addresses import chinese_parts, place_and_street
from analysis.identification.comparable import COLUMNS, comparable, phone_number
from analysis.identification.firms import firm_core
from analysis.identification.names import name_parts


def parts(name):
    return sorted(p for p in name_parts(name)[1:] if p)


@pytest.mark.parametrize(
    "name",
    ["王晓明", "Wang Xiaoming", "Xiaoming WANG", "Wáng Xiǎo-míng", "Wang Xiao Ming",
     "王晓明（先生）", "Ｗａｎｇ　Ｘｉａｏｍｉｎｇ", "Mr. Xiaoming Wang", "Wong Xiaoming"],
)  # fmt: skip
def test_one_name_in_nine_ways_to_write_it_is_one_name(name):
    assert parts(name) == ["wang", "xiaoming"]


@pytest.mark.parametrize(
    ("name", "family", "given"),
    [
        ("欧阳娜娜", "ouyang", "nana"),
        ("单伟", "shan", "wei"),
        ("吕布", "lu", "bu"),
        ("Lü Bu", "bu", "lu"),
        ("王Anna", "wang", "anna"),
        ("Robert", "robert", ""),
        ("", "", ""),
    ],
)
def test_family_and_given_name_are_told_apart(name, family, given):
    assert name_parts(name)[1:] == (family, given)


def test_a_chinese_address_is_divided_into_its_parts():
    told = chinese_parts("浙江省杭州市西湖区文三路１２３号5幢2单元301室")
    assert told == {
        "province": "浙江省",
        "city": "杭州市",
        "district": "西湖区",
        "street": "文三路",
        "number": "123-5-2-301",
    }
    assert chinese_parts("北京市朝阳区建国路八十八号")["number"] == "88"
    assert chinese_parts("") == dict.fromkeys(told, "")


def test_an_address_written_in_two_ways_has_one_street_and_number():
    one, other = "浙江省杭州市西湖区文三路123号5幢2单元301室", "杭州西湖区文三路１２３号5-2-301"
    assert place_and_street(one) == place_and_street(other) == ("文三路", "123-5-2-301")
    assert place_and_street("No. 12, Garden Court") == place_and_street("Garden Court 12")


def test_a_firm_is_known_without_form_and_place():
    assert (
        firm_core("浙江省华信贸易有限公司")
        == firm_core("华信贸易（集团）股份有限公司")
        == "华信贸易"
    )
    assert firm_core("Delta Trading Ltd.") == "delta trading"
    assert firm_core("有限公司") == "有限公司"


def test_what_stands_for_not_known_is_not_compared():
    rows = pd.DataFrame(
        {
            "customer_id": ["1", "2", "3"],
            "customer_type": "personal",
            "name": ["客户", "test", "  "],
            "born_on": [None, None, "1980-02-30"],
            "phone": ["00000000000", "12345", "+86 138-1234-5678"],
        }
    )
    told = comparable(rows, "personal")
    assert list(told.columns) == list(COLUMNS)
    assert told["latin"].isna().all() and told["born"].isna().all()
    assert told["phone"].tolist()[2] == "13812345678" and told["phone"].isna().sum() == 2


def test_no_records_are_no_rows():
    rows = pd.DataFrame(columns=["customer_id", "customer_type", "name", "born_on"])
    assert comparable(rows, "personal").empty and comparable(rows, "corporate").empty


def test_digits_in_full_width_are_digits():
    assert phone_number("１３８００００１２３４") == "13800001234"
