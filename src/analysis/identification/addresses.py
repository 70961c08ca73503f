"""Addresses as they can be compared: the parts of a Chinese address, or the street and number."""

import re

from analysis.identification.names import written_alike

_HAN = r"[\u3400-\u9fff]"
#: The parts of a Chinese address in the order in which they stand.
_PARTS = {
    "province": re.compile(
        rf"{_HAN}{{2,7}}?(?:省|自治区|特别行政区)|(?:北京|上海|天津|重庆)市?(?={_HAN}{{2}})"
    ),
    "city": re.compile(rf"{_HAN}{{2,6}}?(?:市|自治州|盟|地区)"),
    "district": re.compile(rf"{_HAN}{{1,6}}?(?:新区|园区|区|县|旗|市)(?!{_HAN}?[路街道])"),
    "street": re.compile(rf"{_HAN}{{1,12}}?(?:路|大街|街|大道|道|巷|胡同|弄|小区|花园|村|镇)"),
}
_DIGITS = {c: n for n, c in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_COUNTED = re.compile(r"[〇零一二两三四五六七八九十百]+(?=号|弄|栋|幢|座|单元|室|层|楼)")
_NUMBER = re.compile(r"\d+")
_CHINESE = re.compile(_HAN)
_WORDS = re.compile(r"[^\W\d_]+")
#: Words of an address that say nothing by themselves.
_FILLING = frozenset("no nr number rd road st street avenue ave flat room unit".split())


def chinese_parts(text: str) -> dict[str, str]:
    """A Chinese address in its parts: `province`, `city`, `district`, `street` and `number` (house,
    building, unit and room, joined by `-`); empty where a part is not there.
    """
    left = _COUNTED.sub(_in_digits, written_alike(text).replace(" ", ""))
    parts = {}
    for part, pattern in _PARTS.items():
        found = pattern.match(left)
        parts[part] = found[0] if found else ""
        left = left[len(parts[part]) :]
    parts["number"] = "-".join(_NUMBER.findall(left))
    return parts


def _in_digits(found: re.Match[str]) -> str:
    total = digit = 0
    if not set(found[0]) & set("十百"):
        return "".join(str(_DIGITS[c]) for c in found[0])
    for character in found[0]:
        if character in "十百":
            total += max(digit, 1) * (10 if character == "十" else 100)
            digit = 0
        else:
            digit = _DIGITS[character]
    return str(total + digit)


def place_and_street(text: str) -> tuple[str, str]:
    """The street, written alike, and the numbers of house and flat."""
    written = written_alike(text)
    if _CHINESE.search(written):
        parts = chinese_parts(text)
        return parts["street"] or parts["district"], parts["number"]
    words = [w for w in _WORDS.findall(written) if w not in _FILLING]
    return " ".join(words), "-".join(_NUMBER.findall(written))
