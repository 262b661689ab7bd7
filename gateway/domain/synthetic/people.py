"""Invented people and the ways to reach them; none of the numbers can belong to anybody."""

from random import Random

_SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘蔡余叶程苏魏吕丁任沈姚卢姜钟谭陆廖麦莫"
)
_GIVEN = (
    "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超霞平刚桂英华玉兰志建国文海燕红春梅鹏辉"
    "斌宇浩凯秀珍子轩梓涵思雨嘉欣俊豪晓琳雅婷佳怡诗瑶泽宏振东永健"
)
_PINYIN = {
    "王": "wang", "李": "li", "张": "zhang", "刘": "liu", "陈": "chen", "杨": "yang", "黄": "huang", "赵": "zhao",
    "吴": "wu", "周": "zhou", "梁": "liang", "麦": "mai", "莫": "mo", "谢": "xie",
}  # fmt: skip
# Prefixes of the numbering plan that are allotted to no operator: nobody can be called under them.
_UNALLOTTED = ("154", "160", "161", "163", "164", "168", "169", "194")


def person_name(rng: Random) -> str:
    """A family name and one or two characters."""
    given = rng.choice(_GIVEN) + (rng.choice(_GIVEN) if rng.random() < 0.75 else "")
    return rng.choice(_SURNAMES) + given


def mobile(rng: Random) -> str:
    """Eleven digits that pass every form check, with a prefix that no operator has been given."""
    return rng.choice(_UNALLOTTED) + f"{rng.randrange(10**8):08d}"


def landline(rng: Random) -> str:
    """A Dongguan number (0769) whose local part begins with 1, as no subscriber's does."""
    extension = f"-{rng.randrange(100, 1000)}" if rng.random() < 0.2 else ""
    return f"0769-1{rng.randrange(10**7):07d}{extension}"


def email(rng: Random, name: str, domain: str) -> str:
    """An address under `domain`, which should end in `.example`."""
    return f"{_PINYIN.get(name[0], 'staff')}{rng.randrange(1000):03d}@{domain}"


def staff_number(rng: Random) -> str:
    """A staff number of the firm: `DG` and five digits."""
    return f"DG{rng.randrange(1, 800):05d}"
