"""What could say who wrote a text, or of whom: taken out before anybody quotes it.

Patterns, not a model: what they miss is measured on planted names, numbers and addresses in
`tests/voice/test_identity.py`. A name alone, without a title or a word that announces it, is found
only where it is the writer's own.
"""

import re
import unicodedata
from collections.abc import Sequence

HIDDEN = "…"
MAIL, ADDRESS, HANDLE, NUMBER, NAME = "mail", "address", "handle", "number", "name"
DOCUMENT, CARD, PHONE = "document", "card", "phone"
#: What could say who somebody is.
KINDS = (NAME, PHONE, DOCUMENT, CARD, NUMBER, MAIL, HANDLE, ADDRESS)
_HAN = r"\u3400-\u9fff"
#: The Hundred Family Names without those that are mostly other words, and some later ones.
_SURNAME = (
    "(?:欧阳|司马|上官|诸葛|司徒|司空|东方|东郭|独孤|南宫|夏侯|皇甫|尉迟|公"
    "孙|仲孙|慕容|令狐|长孙|宇文|端木|轩辕|闻人|赫连|澹台|濮阳|淳于|申屠"
    "|钟离|鲜于|闾丘|西门|百里|呼延|万俟|[赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱"
    "秦尤许何吕施张孔曹严华金魏陶姜戚谢邹喻柏窦章云苏潘葛奚范彭郎鲁韦昌马苗凤花方俞任"
    "袁柳鲍史唐费廉岑薛雷贺倪汤滕殷罗毕郝邬安常乐于傅皮卞齐康伍余元卜顾孟黄穆萧肖尹姚"
    "邵湛汪祁毛禹狄米贝臧计伏戴谈宋茅庞熊纪舒屈项祝董梁杜阮蓝闵席季麻贾路娄危江童颜郭"
    "梅盛林刁钟徐邱骆高夏蔡田樊胡凌霍虞万支柯昝管卢莫房裘缪干解宗丁宣邓郁单杭洪包诸左"
    "石崔吉钮龚程嵇邢裴陆荣翁荀惠甄曲封芮储靳松井段富巫乌焦巴牧谷车侯班秋仲伊宫宁仇栾"
    "甘厉祖武符刘景詹束龙叶幸司韶郜黎薄印宿白怀蒲鄂索咸籍赖卓蔺屠蒙池乔胥苍闻莘党翟谭"
    "贡劳姬申扶冉宰雍桑桂濮牛寿边燕冀浦尚农温庄晏柴瞿阎慕茹艾鱼古慎戈廖庾衡耿弘匡寇禄"
    "阙欧沃蔚隆巩聂晁敖融冷訾辛阚简饶曾沙鞠丰巢关蒯查荆游竺权盖桓覃涂岳付兰代佟尧原]"
    ")"
)
_TITLES = (
    "先生|女士|小姐|经理|行长|主任|老师|阿姨|叔叔|大姐|大哥|师傅|医生|律师|同志|柜员|顾问|总监|主管|"
    "老板|夫人|太太"
)
_ROAD = "大道|街道|路|街|巷|弄|胡同|小区|花园|公寓|大厦|新村|家园|广场|村|苑"
_PART = "号楼|号|弄|栋|幢|座|单元|楼|层|室|户"
_STREET = (
    "street|st|road|rd|avenue|ave|lane|ln|drive|boulevard|blvd|court|place|square|way|close|terrace"
)
_MESSENGER = (
    "微信|薇信|威信|v信|weixin|wechat|vx|wx|qq|whatsapp|telegram|tg|skype|viber|kakao|"
    "facebook|instagram|twitter|抖音|小红书|微博|旺旺"
)
_HANDLE = rf"(?<![A-Za-z])(?:{_MESSENGER})\s*(?:账号|号码|号|群|id|名)"

#: What a pattern finds. In this order: numbers late, for they stand in addresses and handles too.
_FOUND = tuple(
    (kind, re.compile(pattern, flags))
    for kind, pattern, flags in (
        (
            MAIL,
            r"[\w.+-]+\s?(?:@|＠|\(at\)|\[at\])\s?[\w-]+(?:\.|\s?dot\s?)[\w.]+|[@＠]\w+",
            re.I,
        ),
        # streets with a number, and what stands behind it
        (
            ADDRESS,
            rf"[{_HAN}]{{1,14}}(?:{_ROAD})\s*[\d零一二三四五六七八九十百]+\s*(?:{_PART})"
            rf"(?:\s*[\dA-Za-z零一二三四五六七八九十]+\s*(?:{_PART}))*",
            0,
        ),
        (ADDRESS, rf"\d+\s*(?:号楼|栋|幢|座)\s*(?:\d+\s*(?:{_PART})\s*)*\d*", 0),
        (ADDRESS, rf"\b\d{{1,5}}[a-z]?,?\s+(?:[\w'.-]+\s+){{1,4}}?(?:{_STREET})\b\.?", re.I),
        (ADDRESS, r"\b\w+(?:straße|strasse|gasse|platz|weg)\s+\d+\w?", re.I),
        (ADDRESS, r"\b(?:apt|apartment|flat|unit|suite)\b\.?\s*#?\d+\w*", re.I),
        # handles: announced, or with a digit or underscore in them
        (HANDLE, rf"{_HANDLE}?\s*[是为:：=]\s*[@A-Za-z0-9_.-]{{3,}}", re.I),
        (HANDLE, rf"{_HANDLE}\s*[@A-Za-z0-9_.-]{{3,}}", re.I),
        (
            HANDLE,
            rf"{_HANDLE}?\s*(?:is\s+)?(?=[A-Za-z_.-]*[\d_])[A-Za-z0-9_.-]{{4,}}",
            re.I,
        ),
        # numbers of telephones, accounts, cards, identity documents; spoken ones
        (NUMBER, r"(?:\d[\s.·-]?){3,}\d[\dXx]*", 0),
        (NUMBER, r"[零〇一二三四五六七八九幺壹贰叁肆伍陆柒捌玖]{7,}", 0),
        # names with a title
        (
            NAME,
            r"\b(?:mr|mrs|(?-i:Ms)|dr|prof|mister)\b\.?\s+[a-z][\w'’-]+(?:\s+(?-i:[A-Z])[\w'’-]+)*",
            re.I,
        ),
        (
            NAME,
            r"\b(?:Miss|Madam|Sir|Mme|Herr|Frau)\s+[A-Z][\w'’-]+(?:\s+[A-Z][\w'’-]+)*",
            0,
        ),
        (NAME, rf"{_SURNAME}[{_HAN}]{{0,2}}(?={_TITLES})", 0),
        (
            NAME,
            rf"[小老]{_SURNAME}(?=[说讲办接态让给告帮服跟和的是就也在一，,。.!！:：\s]|$)",
            0,
        ),
        # names that are announced
        (NAME, rf"(?<=我叫|名叫|叫做|姓名|名字)[是为叫:：\s]*{_SURNAME}[{_HAN}]{{1,2}}", 0),
        (NAME, rf"(?<=我是){_SURNAME}[{_HAN}]{{1,2}}(?=[，,。.!！:：;；\s]|$)", 0),
        (
            NAME,
            rf"(?:署名|签名|联系人|户主|持卡人)[是为叫:：\s]*{_SURNAME}[{_HAN}]{{1,2}}",
            0,
        ),
        (
            NAME,
            r"\b(?:my name is|name\s*[:=]|signed(?: by)?|regards|sincerely|yours truly|i am called)"
            r"[\s,:]+[\w'’-]+(?:\s+(?-i:[A-Z])[\w'’-]+)*",
            re.I,
        ),
    )
)
#: What a number is: that of an identity document and of a card have a check digit.
_DOCUMENT = re.compile(r"\d{6}(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx]")
_CARD = re.compile(r"(?:62|4|5[1-5]|2[2-7]|3[47]|35)\d{11,17}")
_PHONE = re.compile(r"(?:86)?1[3-9]\d{9}|0\d{9,11}|00\d{9,14}")
#: Digits from which a number may say who somebody is: of an account, say.
_LONG = 7
_DATE = re.compile(r"(?:19|20)\d\d[-.]\d\d?[-.]\d\d?")
_NUMBERS = re.compile(r"\+?\d(?:[\s.·-]?\d)*[Xx]?")
#: What the digits of a document count (GB 11643), and what its last one has to be.
_COUNTS, _LAST = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2), "10X98765432"


def identity_in(text: str) -> set[str]:
    """What a text holds that could say who somebody is: some of `KINDS`. A number is that of a
    document (GB 11643) or of a card (ISO/IEC 7812) where its check digit is right; any other of
    seven digits and more is another number.
    """
    plain = unicodedata.normalize("NFKC", text)
    found = {kind for kind, pattern in _FOUND if kind != NUMBER and pattern.search(plain)}
    for written in _NUMBERS.findall(plain):
        # the parts of one number stand apart, and so do numbers
        whole = re.sub(r"[\s.·-]", "", written)
        kinds = {_kind_of(whole)} - {NUMBER, ""} or {_kind_of(p) for p in written.split()}
        found |= kinds - {""}
        if not kinds - {""} and sum(c.isdigit() for c in whole) >= _LONG:
            found.add(NUMBER)
    return found


def _kind_of(number: str) -> str:
    """What a number is; empty for a short one."""
    if _DATE.fullmatch(number):
        return ""
    digits = re.sub(r"[^\dXx]", "", number)
    if _DOCUMENT.fullmatch(digits) and _is_document(digits):
        return DOCUMENT
    if _PHONE.fullmatch(digits) or (number.startswith("+") and 9 <= len(digits) <= 14):
        return PHONE
    if _CARD.fullmatch(digits) and _is_card(digits):
        return CARD
    return NUMBER if len(digits) >= _LONG else ""


def _is_document(number: str) -> bool:
    return _LAST[sum(int(d) * n for d, n in zip(number, _COUNTS, strict=False)) % 11] == (
        number[-1].upper()
    )


def _is_card(number: str) -> bool:
    """Whether the last digit is right (Luhn 1960)."""
    digits = [int(d) for d in reversed(number)]
    doubled = [d if place % 2 == 0 else d * 2 - 9 * (d > 4) for place, d in enumerate(digits)]
    return sum(doubled) % 10 == 0 and len(set(number)) > 1


def without_identity(text: str, names: Sequence[str] = ()) -> str:
    """The text with what could say who wrote it, or of whom, replaced by …

    names: of the writer. Found besides: mail addresses, handles of messengers, streets with a
    number, numbers of four digits and more, names with a title (欧阳先生, mr smith) and names that
    are announced (我叫…, my name is …).
    """
    shown = text
    own = {name.strip() for name in names if name and len(name.strip()) > 1}
    for name in sorted(own, key=len, reverse=True):
        shown = re.sub(re.escape(name), HIDDEN, shown, flags=re.IGNORECASE)
    for _kind, pattern in _FOUND:
        shown = pattern.sub(HIDDEN, shown)
    return shown
