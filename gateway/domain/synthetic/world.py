"""Parks, enterprises and what is recorded about them, each made from a seed and an index."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from importlib.resources import files
from itertools import islice
from random import Random

from gateway.domain.synthetic.people import email, landline, mobile, person_name, staff_number
from gateway.domain.uscc import synthetic_code

TODAY = date(2025, 12, 31)

_TOWNS = (
    "松山湖 长安 虎门 厚街 寮步 大朗 塘厦 凤岗 清溪 常平 横沥 企石 石排 茶山 石龙 石碣 高埗 中堂 望牛墩 麻涌 "
    "沙田 道滘 万江 南城 东城 莞城 桥头 谢岗 黄江 樟木头 大岭山 东坑"
)
TOWNS = tuple(_TOWNS.split())
_PARK_BRANDS = (
    "云栖谷",
    "智汇港",
    "华岭",
    "新域",
    "青禾",
    "联科",
    "启辰",
    "湾创",
    "睿谷",
    "星河里",
    "万象智造",
    "数创",
)
_PARK_KINDS = ("科技产业园", "智能制造产业园", "创新园", "电子信息产业园", "生物医药产业园", "新材料产业园")
_BRAND = (
    "鑫瑞达恒信泰盛宏联创智科华兴腾飞源丰德隆顺昌裕嘉美康安悦"
    "博雅诚卓越凯旋锐捷骏驰铭洋海天宇辰星光明亮耀辉煌润泽沃森林木"
)
_INDUSTRIES: tuple[tuple[str, str, str], ...] = (
    ("电子科技", "计算机、通信和其他电子设备制造业", "中游"), ("精密模具", "专用设备制造业", "中游"),
    ("智能装备", "通用设备制造业", "中游"), ("新材料", "化学原料和化学制品制造业", "上游"),
    ("塑胶制品", "橡胶和塑料制品业", "中游"), ("五金制品", "金属制品业", "中游"), ("家具", "家具制造业", "下游"),
    ("服饰", "纺织服装、服饰业", "下游"), ("食品", "食品制造业", "下游"), ("包装材料", "造纸和纸制品业", "上游"),
    ("光电技术", "计算机、通信和其他电子设备制造业", "上游"), ("新能源", "电气机械和器材制造业", "中游"),
    ("生物医药", "医药制造业", "中游"), ("医疗器械", "专用设备制造业", "下游"), ("机器人", "通用设备制造业", "下游"),
    ("软件技术", "软件和信息技术服务业", "下游"), ("供应链管理", "商务服务业", "下游"),
    ("环保科技", "生态保护和环境治理业", "下游"),
)  # fmt: skip
_DEPARTMENTS = ("投资银行部", "经纪业务部", "信用业务部", "财富管理部", "机构业务运营部")
_TITLES = ("董事长", "总经理", "财务总监", "董事会秘书", "副总经理", "财务经理", "行政经理", "投融资负责人", "厂长")
_ROLES = ("决策人", "影响人", "经办人", "财务负责人", "把关人", "未知")
_PREFERENCES = (
    "偏好上午沟通",
    "关注政策补贴",
    "沟通直接,重视效率",
    "首次沟通由园区引荐",
    "对股权融资较谨慎",
    "习惯书面材料",
)
_SHOPS = ("五金店", "便利店", "餐饮店", "服装店", "模具加工部", "电子经营部")
_TAGS = ("重点培育", "专精特新", "拟上市", "园区推荐", "常规")


def _rng(seed: int, theme: str, index: int) -> Random:
    return Random(f"{seed}:{theme}:{index}")  # noqa: S311 - repeatable on purpose, protects nothing


@dataclass(frozen=True, slots=True)
class Park:
    """An invented industrial park of Dongguan."""

    number: int
    name: str
    town: str


@dataclass(frozen=True, slots=True)
class SyntheticClient:
    """An invented enterprise: its card and profile, as text that `entry.clean` accepts."""

    index: int
    uscc: str
    name: str
    park: Park | None
    card: dict[str, str]
    profile: dict[str, str]


@dataclass(frozen=True, slots=True)
class SyntheticRecord:
    """One invented record of a field group about one enterprise, as text that `entry.clean` accepts."""

    client_index: int
    uscc: str
    client_name: str
    group: str
    fields: dict[str, str]


def parks(seed: int = 0, count: int = 24) -> tuple[Park, ...]:
    """`count` parks (at most 72) with different names."""
    names = [brand + kind for brand in _PARK_BRANDS for kind in _PARK_KINDS]
    _rng(seed, "parks", 0).shuffle(names)
    return tuple(Park(i, f"东莞{TOWNS[i % len(TOWNS)]}{names[i]}", TOWNS[i % len(TOWNS)]) for i in range(count))


def _brand(index: int, seed: int) -> str:
    """Three characters, different for the first 195,112 indexes."""
    base = len(_BRAND)
    number = (index * 40_009 + seed * 7919 + 11) % base**3  # 40,009 is prime to the base: a permutation
    return _BRAND[number % base] + _BRAND[number // base % base] + _BRAND[number // base**2]


def _named(rng: Random, index: int, seed: int, park: Park | None) -> tuple[str, str, tuple[str, str, str]]:
    """Code prefix, name, industry."""
    brand, industry = _brand(index, seed), rng.choice(_INDUSTRIES)
    town = park.town if park else rng.choice(TOWNS)
    chance = rng.random()
    if chance < 0.01:
        return "92", f"东莞市{town}{person_name(rng)}", industry
    if chance < 0.05:
        return "92", f"东莞市{town}{brand}{rng.choice(_SHOPS)}", industry
    if chance < 0.06:
        return "93", f"东莞市{town}{brand}种植专业合作社", industry
    if chance < 0.10:
        return "91", f"{brand}{industry[0]}（东莞）有限公司", industry
    if chance < 0.15:
        return "91", f"广东{brand}{industry[0]}股份有限公司", industry
    if chance < 0.17:
        return "91", f"东莞市{brand}创业投资合伙企业（有限合伙）", industry
    return "91", f"东莞市{brand}{industry[0]}有限公司", industry


def _day(rng: Random, today: date, back: int, forward: int = 0) -> date:
    return today + timedelta(days=rng.randint(-back, forward))


def client_at(index: int, seed: int = 0, *, today: date = TODAY, park_count: int = 24) -> SyntheticClient:
    """The enterprise `index` of the world `seed`. Two in three are tenants of a park."""
    return _client(index, seed, today, parks(seed, park_count))


def _client(index: int, seed: int, today: date, all_parks: tuple[Park, ...]) -> SyntheticClient:
    rng = _rng(seed, "client", index)
    park = rng.choice(all_parks) if rng.random() < 0.67 else None
    kind, name, industry = _named(rng, index, seed, park)
    code = synthetic_code(index, kind=kind, seed=seed).code
    recognised = rng.random() < 0.6
    since = _day(rng, today, 700)
    card = {"name": name, "uscc": code, "lead_dept": rng.choice(_DEPARTMENTS), "lead_rm": staff_number(rng)}
    card["recognition_status"] = "已认定" if recognised else rng.choice(("未认定", "认定中", "培养池"))
    if recognised:
        card["recognition_date"] = since.isoformat()
        card["protection_from"] = since.isoformat()
        card["protection_to"] = (since + timedelta(days=90)).isoformat()
    profile = {
        "client_type": "企业", "tier": rng.choice(("A级", "B级", "B级", "C级", "C级", "C级", "D级")),
        "pool_tag": rng.choice(_TAGS), "industry": industry[1], "chain_position": industry[2],
    }  # fmt: skip
    if park:
        profile["park"] = park.name
        profile["park_building"] = f"{rng.randint(1, 20)}栋{rng.randint(1, 12)}{rng.randint(1, 20):02d}"
    return SyntheticClient(index, code, name, park, card, profile)


def clients(
    count: int, seed: int = 0, *, start: int = 0, today: date = TODAY, park_count: int = 24
) -> Iterator[SyntheticClient]:
    """Enterprises `start` to `start + count - 1` with different codes."""
    all_parks = parks(seed, park_count)
    return (_client(index, seed, today, all_parks) for index in range(start, start + count))


def contacts(count: int, seed: int = 0, *, start: int = 0, park_count: int = 24) -> Iterator[SyntheticRecord]:
    """One to three contact persons of each of `count` enterprises."""
    for client in clients(count, seed, start=start, park_count=park_count):
        yield from contacts_of(client, seed)


def contacts_of(client: SyntheticClient, seed: int = 0) -> Iterator[SyntheticRecord]:
    """The contact persons of one enterprise."""
    rng = _rng(seed, "contact", client.index)
    for _ in range(rng.choice((1, 1, 2, 2, 3))):
        yield _record(client, "contact", _contact(rng, client.index))


def _record(client: SyntheticClient, group: str, fields: dict[str, str]) -> SyntheticRecord:
    return SyntheticRecord(client.index, client.uscc, client.name, group, fields)


def _contact(rng: Random, index: int) -> dict[str, str]:
    name = person_name(rng)
    fields = {"name": name, "title": rng.choice(_TITLES), "mobile": mobile(rng)}
    if rng.random() < 0.6:
        fields["phone"] = landline(rng)
    if rng.random() < 0.7:
        fields["email"] = email(rng, name, f"c{index:06d}.example")
    if rng.random() < 0.3:
        fields["wechat"] = f"wx_{rng.randrange(16**8):08x}"
    if rng.random() < 0.5:
        fields["preference"] = rng.choice(_PREFERENCES)
    fields["decision_role"] = rng.choice(_ROLES)
    return fields


_BUSINESS = ("经纪", "投行", "投资", "资管", "研究", "信用", "衍生品", "托管", "财富")
_STAGES = ("接洽", "方案", "谈判", "签约", "执行", "完成", "终止")
_AGREEMENTS = (
    "证券账户与交易服务协议",
    "财务顾问协议",
    "现金管理服务协议",
    "股权激励咨询协议",
    "研究服务协议",
    "融资融券合同",
)
_PROGRESS = ("完成初步尽调,等待内核意见", "辅导备案材料准备中", "已报送反馈意见回复", "与审计机构核对收入确认口径")


def cooperations(
    count: int, seed: int = 0, *, start: int = 0, today: date = TODAY, park_count: int = 24
) -> Iterator[SyntheticRecord]:
    """No to three pieces of business with each of `count` enterprises."""
    for client in clients(count, seed, start=start, today=today, park_count=park_count):
        yield from cooperations_of(client, seed, today=today)


def cooperations_of(client: SyntheticClient, seed: int = 0, *, today: date = TODAY) -> Iterator[SyntheticRecord]:
    """The business with one enterprise."""
    rng = _rng(seed, "cooperation", client.index)
    for number in range(rng.choice((0, 1, 1, 1, 2, 3))):
        yield _record(client, "cooperation", _cooperation(rng, today, f"XY{client.index:06d}-{number + 1}"))


def _cooperation(rng: Random, today: date, agreement_no: str) -> dict[str, str]:
    business = rng.choice(_BUSINESS)
    begin = _day(rng, today, 900)
    amount = rng.randrange(50_000, 80_000_000)
    fields = {
        "flags": "、".join(sorted({business, rng.choice(_BUSINESS)}, key=_BUSINESS.index)),
        "business_type": business, "stage": rng.choice(_STAGES), "agreement_no": agreement_no,
        "agreement": rng.choice(_AGREEMENTS), "start_date": begin.isoformat(),
        "end_date": (begin + timedelta(days=365 * rng.randint(1, 3))).isoformat(),
        "amount": f"{amount}.00", "fee": f"{amount * rng.randint(1, 30) // 1000}.50",
        "contribution": f"{amount * rng.randint(1, 20) // 1000}.00",
    }  # fmt: skip
    if business == "投行":
        fields["project_progress"] = rng.choice(_PROGRESS)
    if business == "经纪":
        fields["holdings"] = f"{rng.randrange(10_000, 300_000_000)}.25"
    if business == "信用":
        fields["credit_line"] = f"{rng.randrange(1, 500) * 100_000}.00"
    if business == "财富":
        fields["purchase_amount"] = f"{rng.randrange(1, 300) * 10_000}.00"
    return fields


@cache
def _intents() -> tuple[tuple[str, str, str, str], ...]:
    """Intent, what was said, feedback, next step. Memos say what the label says: recognition has something to find."""
    with files("gateway.domain").joinpath("data/synthetic_visits.csv").open(encoding="utf-8") as lines:
        return tuple((row[0], row[1], row[2], row[3]) for row in islice(csv.reader(lines), 1, None))


_PLACES = ("在厂区会议室", "在园区服务中心", "通过电话", "通过视频会议", "在公司接待室")
_CHANNELS = {"通过电话": "电话", "通过视频会议": "视频", "在公司接待室": "来访"}


def visits(
    count: int, seed: int = 0, *, start: int = 0, today: date = TODAY, park_count: int = 24
) -> Iterator[SyntheticRecord]:
    """No to four visits to each of `count` enterprises in the two years before `today`."""
    for client in clients(count, seed, start=start, today=today, park_count=park_count):
        yield from visits_of(client, seed, today=today)


def visits_of(client: SyntheticClient, seed: int = 0, *, today: date = TODAY) -> Iterator[SyntheticRecord]:
    """The visits to one enterprise."""
    rng = _rng(seed, "visit", client.index)
    for _ in range(rng.choice((0, 1, 2, 2, 3, 4))):
        yield _record(client, "visit", _visit(rng, today, client.card["lead_rm"]))


def _visit(rng: Random, today: date, manager: str) -> dict[str, str]:
    label, said, feedback, step = rng.choice(_intents())
    place = rng.choice(_PLACES)
    day = _day(rng, today, 730)
    content = said.format(
        n=rng.randint(2, 40), m=rng.randint(1, 60) * 50, p=rng.randint(5, 45), t=rng.choice(TOWNS)
    )  # fmt: skip
    fields = {
        "date": day.isoformat(), "channel": _CHANNELS.get(place, "现场"), "staff": manager,
        "memo": f"{place}与企业{rng.choice(_TITLES)}交流。{content}。", "intent_labels": label, "feedback": feedback,
    }  # fmt: skip
    if rng.random() < 0.4:
        fields["staff"] = f"{manager}、{staff_number(rng)}"
    if step:
        fields["next_action"] = step
        fields["due_date"] = (day + timedelta(days=rng.randint(3, 30))).isoformat()
    return fields


def tenancies(
    count: int, seed: int = 0, *, start: int = 0, today: date = TODAY, park_count: int = 24, park: int | None = None
) -> Iterator[SyntheticRecord]:
    """Lease, rent and bills of those of `count` enterprises that are tenants; of one park where `park` is a number."""
    for client in clients(count, seed, start=start, today=today, park_count=park_count):
        if client.park and park in (None, client.park.number):
            yield tenancy_of(client, seed, today=today)


def tenancy_of(client: SyntheticClient, seed: int = 0, *, today: date = TODAY) -> SyntheticRecord:
    """Lease, rent and bills of one tenant."""
    rng = _rng(seed, "tenancy", client.index)
    return _record(client, "park_operation", _tenancy(rng, today, f"ZL{client.index:06d}"))


def _tenancy(rng: Random, today: date, lease_no: str) -> dict[str, str]:
    begin = _day(rng, today, 1500)
    area = rng.randrange(80, 8000)
    power = rng.randrange(500, 200_000)
    owed = rng.random() < 0.12
    return {
        "lease_no": lease_no, "lease_from": begin.isoformat(),
        "lease_to": (begin + timedelta(days=365 * rng.randint(1, 6))).isoformat(),
        "monthly_rent": f"{area * rng.randint(12, 40)}.00",
        "rent_arrears": f"{rng.randrange(1, 90) * 1000}.00" if owed else "0",
        "bill_month": f"{today:%Y-%m}", "electricity_kwh": str(power), "electricity_fee": f"{power * 7 // 10}.00",
        "water_m3": str(rng.randrange(5, 3000)), "water_fee": f"{rng.randrange(20, 9000)}.00",
        "tenant_since": begin.isoformat(), "area_m2": str(area), "whitelist": "是" if rng.random() < 0.3 else "否",
    }  # fmt: skip
