"""Fills an empty gateway with the demonstration's cast and with invented records, through the same verbs as everybody."""

import io
import uuid
from collections.abc import Callable, Iterable
from typing import Any

from gateway.demo import cast
from gateway.domain.parties import Institution, Person, Unit
from gateway.domain.passwords import hash_password
from gateway.domain.principal import Principal
from gateway.domain.synthetic import (
    CLEAN,
    DIRTY,
    SyntheticClient,
    SyntheticRecord,
    clients,
    contacts_of,
    cooperations_of,
    tenant_sheet,
    text_rows,
    visits_of,
    write_csv,
)
from gateway.errors import LianqiaoError, Refusal
from gateway.runtime import Gateway, event_of
from gateway.schemas.records import UploadFile, UploadOut
from gateway.store import auth, operation
from gateway.store import parties as store
from gateway.usecases import VERBS
from gateway.usecases._parties import new_tag_key
from gateway.usecases.catalogue import load_default_catalogue

DAY = 86_400_000_000
_NAMESPACE = uuid.UUID("6f1c2a52-0d3e-4d35-9a3f-5a8d1c3b7e10")
_SUPPLIERS = ("ib-rm", "brokerage-rm", "wealth-rm")


class DemoFailed(LianqiaoError):
    """The demonstration could not be set up; the gateway is not usable as a demonstration."""


def person_id_of(login: str) -> str:
    """The same identifier for the same login in every demonstration."""
    return str(uuid.uuid5(_NAMESPACE, login))


def password_of(login: str) -> str:
    """A password for people to read aloud. Known to everybody: refused outside demo and test mode."""
    return f"demo-{login}-2026"


async def add_cast(gw: Gateway, *, passwords: bool) -> dict[str, Principal]:
    """Institutions, units and people are there, all live and active; returns them signed in, by login."""
    kinds = {each.institution_id: each.kind for each in cast.INSTITUTIONS}
    units = {each.unit_id: each for each in cast.UNITS}
    people: dict[str, Principal] = {}
    async with gw.begin() as tx:
        now = tx.now
        for each in cast.INSTITUTIONS:
            row = Institution(
                each.institution_id, each.kind, each.name_zh, each.name_en, None, "live", "system:demo", now
            )
            await store.add_institution(tx, row, await new_tag_key(gw, tx, each.institution_id))
        for unit in cast.UNITS:
            await store.add_unit(
                tx, Unit(unit.unit_id, unit.institution_id, unit.name_zh, unit.name_en, unit.side, True, now)
            )
        for number, one in enumerate(cast.PEOPLE, start=1):
            unit = units[one.unit_id]
            person = Person(
                person_id_of(one.login), one.kind, one.login, one.name, f"{one.login}@demo.invalid", f"D{number:04}",
                one.unit_id, unit.institution_id, unit.side, one.clearance, now + 365 * DAY, "active", "zh", 1, now, now,
                frozenset(one.roles),
            )  # fmt: skip
            await store.add_person(tx, person, "system:demo")
            people[one.login] = Principal(
                id=person.person_id, kind=one.kind, login=one.login, name=one.name, unit_id=one.unit_id,
                institution_id=unit.institution_id, institution_kind=kinds[unit.institution_id], roles=person.roles,
                side=unit.side, clearance=one.clearance, trained_until=person.trained_until, generation=1,
                staff_no=person.staff_no or "", channel="console", source_address="127.0.0.1",
            )  # fmt: skip
            if passwords and one.kind == "person":
                await auth.set_password(tx, person.person_id, hash_password(password_of(one.login)), must_change=False)
    return people


async def seed(gw: Gateway, *, count: int = 240, say: Callable[[str], None] = lambda _: None) -> dict[str, Principal]:
    """Catalogue, cast, `count` invented clients with contacts, business and visits of three departments, two parks'
    tenants and public records. Refused in production, and for a database that has anybody in it.

    Afterwards the setting `demo` tells that it was done: a second call raises `DemoFailed`.
    """
    if gw.settings.mode == "production":
        raise DemoFailed("demonstration data are refused in production")
    async with gw.db.read() as tx:
        if await store.count_people(tx):
            raise DemoFailed("there is somebody here already: a demonstration begins with an empty database")
    await load_default_catalogue(gw)
    say("目录已载入 / catalogue loaded")
    people = await add_cast(gw, passwords=True)
    say(f"{len(people)} 位演示人员 / people")
    known = list(clients(count))
    await _send(gw, people["ops"], "clients", known)
    say(f"{count} 家客户 / clients")
    share = count // len(_SUPPLIERS)
    for number, login in enumerate(_SUPPLIERS):
        mine = known[number * share : (number + 1) * share]
        for kind, of in (("contact", contacts_of), ("cooperation", cooperations_of), ("visit", visits_of)):
            made: Iterable[Any] = [record for client in mine for record in of(client)]
            done = await _send(gw, people[login], kind, made)
            say(f"{people[login].unit_id} {kind}: {done.rows_new}")
    for park, login in ((0, "park-user"), (1, "park2-user")):
        done = await _send(gw, people[login], "tenants", tenant_sheet(count, park=park), style="park", dirty=True)
        say(f"{people[login].unit_id} tenants: {done.rows_new}, 错误行 / bad rows: {done.rows_bad}")
    await _public_records(gw, people["samr-user"], known[:40])
    async with gw.begin() as tx:
        await operation.set_setting(tx, "demo", "seeded")
        tx.record(event_of(people["sysadmin"], "demo:seeded", tx.now, outcome="done", record_count=count))
    return people


async def is_seeded(gw: Gateway) -> bool:
    """Whether this database holds the demonstration."""
    async with gw.db.read() as tx:
        return await operation.find_setting(tx, "demo") == "seeded"


async def _send(
    gw: Gateway, by: Principal, kind: str, items: Iterable[Any], *, style: Any = "department", dirty: bool = False
) -> UploadOut:
    sheet = io.BytesIO()
    write_csv(sheet, text_rows(kind, items, style=style, dirt=DIRTY if dirty else CLEAN))
    sheet.seek(0)
    ask = UploadFile(kind=kind, mode="skip_bad")
    done = await VERBS["upload_file"](gw, by, ask, source=sheet, file_name=f"{kind}.csv", wait=True)
    if isinstance(done, Refusal) or done.state != "done":
        why = done.reason if isinstance(done, Refusal) else done.problem
        raise DemoFailed(f"{by.login} could not supply {kind}: {why}")
    assert isinstance(done, UploadOut)
    return done


async def _public_records(gw: Gateway, by: Principal, known: list[SyntheticClient]) -> None:
    made = []
    for number, client in enumerate(known):
        values = {
            "reg_status": "存续",
            "reg_date": f"20{10 + number % 14}-0{1 + number % 9}-15",
            "scope": "电子元件研发、生产与销售(示例)",
            "composite_rating": "ABC"[number % 3],
        }
        made.append(SyntheticRecord(client.index, client.uscc, client.name, "public_credit", values))
    await _send(gw, by, "public_credit", made)
