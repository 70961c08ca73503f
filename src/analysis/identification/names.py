"""Names as they can be compared: written alike, in Latin letters, family and given name apart."""

import re
import sys
import unicodedata
from functools import lru_cache

#: Chinese family names of two characters.
TWO_CHARACTERS = frozenset(
    "欧阳 太史 端木 上官 司马 东方 独孤 南宫 万俟 闻人 夏侯 诸葛 尉迟 公羊 赫连 澹台 "
    "皇甫 宗政 濮阳 公冶 太叔 申屠 公孙 慕容 仲孙 钟离 长孙 宇文 司徒 鲜于 司空 闾丘 "
    "子车 亓官 司寇 巫马 公西 颛孙 壤驷 公良 漆雕 乐正 宰父 谷梁 拓跋 夹谷 轩辕 令狐 "
    "段干 百里 呼延 东郭 南门 羊舌 微生 梁丘 左丘 东门 西门 第五".split()
)
#: Characters that are read in another way where they are a family name.
AS_FAMILY_NAME = {
    "单": "shan", "曾": "zeng", "解": "xie", "仇": "qiu", "查": "zha", "任": "ren", "区": "ou",
    "朴": "piao", "尉": "wei", "盖": "ge", "缪": "miao", "翟": "zhai", "折": "she", "黑": "he",
    "重": "chong", "秘": "bi", "冼": "xian", "覃": "qin", "乐": "yue", "员": "yun", "祭": "zhai",
    "逄": "pang", "种": "chong", "洗": "xian",
}  # fmt: skip
#: Ways to write the same family name in Latin letters outside the mainland, and of ü.
OTHER_SPELLINGS = {
    "lv": "lu", "nv": "nu", "wong": "wang", "chan": "chen", "cheung": "zhang",
    "chang": "zhang", "lee": "li", "ng": "wu", "tsai": "cai", "chow": "zhou", "chou": "zhou",
    "hsu": "xu", "hsieh": "xie", "kwok": "guo", "leung": "liang", "lau": "liu", "yeung": "yang",
}  # fmt: skip
TITLES = frozenset("mr mrs ms miss dr prof sir madam jr sr".split())
_CHINESE = re.compile(r"[\u3400-\u9fff]")
_BRACKETED = re.compile(r"[(（\[【].*?[)）\]】]")
_WORD = re.compile(r"[^\W\d_]+")


def written_alike(text: str) -> str:
    """The text in half width and lower case, without accents over Latin letters."""
    if not text.isascii():
        text = unicodedata.normalize("NFKD", text).translate(_accents())
    return " ".join(text.casefold().split())


@lru_cache(maxsize=1)
def _accents() -> dict[int, None]:
    """Every mark that stands over or under a letter, to be left out."""
    return {c: None for c in range(sys.maxunicode + 1) if unicodedata.combining(chr(c))}


@lru_cache(maxsize=1)
def readings() -> dict[int, str]:
    """Each Chinese character to how it is read most often, in letters without tones (pypinyin)."""
    from pypinyin.constants import PINYIN_DICT
    from pypinyin.contrib.tone_convert import to_normal

    return {
        point: to_normal(read.split(",")[0]).replace("ü", "u").replace("v", "u")
        for point, read in PINYIN_DICT.items()
    }


@lru_cache(maxsize=1)
def syllables() -> frozenset[str]:
    """Every syllable of Chinese in Latin letters."""
    return frozenset(readings().values())


def name_parts(name: str) -> tuple[str, str, str]:
    """What a person's name is compared by.

    Returns the name as it is written (half width, lower case, without blanks and titles), and the
    two parts of it in Latin letters, family and given name where that can be told. A part that is
    not there is empty.
    """
    text = written_alike(_BRACKETED.sub("", name))
    if _CHINESE.search(text):
        chinese = "".join(c for c in text if _CHINESE.match(c))
        latin = "".join(_WORD.findall(_CHINESE.sub(" ", text)))
        family, given = _chinese_parts(chinese)
        if latin:  # a name of both, such as 王Anna or Smith 伟
            return text.replace(" ", ""), family + given, latin
        return chinese, family, given
    text = text.replace("'", "").replace("-", "")
    words = [OTHER_SPELLINGS.get(w, w) for w in _WORD.findall(text) if w not in TITLES]
    if not words:
        return "", "", ""
    return " ".join(words), *_latin_parts(words)


def _chinese_parts(text: str) -> tuple[str, str]:
    length = 2 if text[:2] in TWO_CHARACTERS and len(text) > 2 else 1
    family, given = text[:length], text[length:]
    letters = readings()
    read = AS_FAMILY_NAME.get(family) or family.translate(letters)
    return read, given.translate(letters)


def _latin_parts(words: list[str]) -> tuple[str, str]:
    if len(words) == 1:
        return words[0], ""
    if len(words) > 2 and all(w in syllables() for w in words):
        return words[0], "".join(words[1:])  # a Chinese name, its syllables apart
    return words[-1], words[0]
