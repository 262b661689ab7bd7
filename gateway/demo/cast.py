"""Who plays in the demonstration: the firm's departments, three partners, and a person for every role."""

from dataclasses import dataclass

from gateway.domain.catalogue import owner_units


@dataclass(frozen=True, slots=True)
class Institution:
    institution_id: str
    kind: str
    name_zh: str
    name_en: str


@dataclass(frozen=True, slots=True)
class Unit:
    unit_id: str
    institution_id: str
    name_zh: str
    name_en: str
    side: str


@dataclass(frozen=True, slots=True)
class Person:
    login: str
    name: str
    unit_id: str
    roles: tuple[str, ...]
    clearance: int = 3
    kind: str = "person"
    says: str = ""  # what this person shows in the demonstration


INSTITUTIONS = (
    Institution("firm", "firm", "连桥证券(演示)", "Lianqiao Securities (demo)"),
    Institution("park-songlan", "park", "松岚科技园运营公司(演示)", "Songlan Science Park Operations (demo)"),
    Institution("park-hejin", "park", "荷锦智造园运营公司(演示)", "Hejin Smart Manufacturing Park (demo)"),
    Institution("bank-yuejiang", "bank", "粤江银行(演示)", "Yuejiang Bank (demo)"),
    Institution("samr", "government", "市场监督管理部门(演示)", "Market regulation authority (demo)"),
)

UNITS = (
    *(
        Unit(unit.unit, "firm", unit.name_zh, unit.name_en, unit.side)
        for unit in owner_units().values()
        if unit.kind == "firm" and not unit.stands_for_owner_of_record
    ),
    *(
        Unit(each.institution_id, each.institution_id, each.name_zh, each.name_en, "none")
        for each in INSTITUTIONS
        if each.kind != "firm"
    ),
)

PEOPLE = (
    Person("analyst", "林知夏", "research", ("requester",), says="研究员,查询并申请 / analyst who asks"),
    Person("research-head", "周明远", "research", ("requester", "dept_head"), 4, says="研究所负责人 / head of research"),
    Person("ib-owner", "陈若谷", "ib", ("requester", "data_owner"), 4, says="投行数据主责 / owner of investment-banking data"),
    Person("ib-rm", "苏以宁", "ib", ("requester", "lead_rm"), 3, says="投行主客户经理 / lead relationship manager"),
    Person("ib-head", "高文博", "ib", ("requester", "dept_head"), 4, says="投行负责人 / head of investment banking"),
    Person("brokerage-owner", "何景行", "brokerage", ("requester", "data_owner"), 4, says="经纪数据主责 / owner of brokerage data"),
    Person("brokerage-rm", "罗一舟", "brokerage", ("requester", "lead_rm"), 3, says="经纪客户经理 / brokerage relationship manager"),
    Person("wealth-rm", "方思齐", "wealth", ("requester", "lead_rm"), 3, says="财富客户经理 / wealth relationship manager"),
    Person("wealth-owner", "许清和", "wealth", ("requester", "data_owner"), 4, says="财富数据主责 / owner of wealth data"),
    Person("ops", "唐书言", "ibo", ("ops", "data_owner"), 3, says="机构业务运营 / operations"),
    Person("steward", "叶初晴", "ibo", ("data_steward",), 3, says="数据管理员,维护目录 / keeps the catalogue"),
    Person("compliance", "沈观澜", "compliance", ("compliance",), 5, says="合规专员 / compliance officer"),
    Person("compliance-2", "韩静之", "compliance", ("compliance",), 5, says="第二位合规专员 / second compliance officer"),
    Person("cco", "顾怀瑾", "compliance", ("cco",), 5, says="合规总监 / chief compliance officer"),
    Person("pi-officer", "白子衿", "compliance", ("pi_officer",), 4, says="个人信息保护负责人 / personal-information officer"),
    Person("auditor", "温如言", "finance", ("auditor",), 3, says="安全审计员 / auditor"),
    Person("custodian", "梁守一", "it", ("key_custodian",), 1, says="密钥管理员 / key custodian"),
    Person("sysadmin", "彭则安", "it", ("sysadmin",), 1, says="系统管理员 / system administrator"),
    Person("park-user", "钟敏行", "park-songlan", ("partner_user", "data_owner"), 3, says="园区伙伴 / park partner"),
    Person("park-admin", "魏承宣", "park-songlan", ("partner_admin", "dept_head"), 3, says="园区管理员 / park administrator"),
    Person("park2-user", "江望舒", "park-hejin", ("partner_user", "data_owner"), 3, says="另一园区 / another park"),
    Person("bank-user", "董秋实", "bank-yuejiang", ("partner_user", "requester"), 3, says="银行客户经理 / bank relationship manager"),
    Person("bank-head", "贺兰亭", "bank-yuejiang", ("partner_admin", "dept_head"), 3, says="银行部门负责人 / bank department head"),
    Person("samr-user", "孟知非", "samr", ("partner_user", "data_owner"), 3, says="政府伙伴 / government partner"),
    Person("model-svc", "意图识别服务", "ibo", ("requester",), 2, kind="service", says="内部服务账户 / internal service account"),
)  # fmt: skip
