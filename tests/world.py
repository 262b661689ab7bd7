"""A small whole gateway on a temporary SQLite file (or a PostgreSQL URL), with the demonstration's cast and a clock to turn."""

import shutil
import tempfile
import uuid
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from gateway.demo import cast
from gateway.domain.principal import Principal
from gateway.keys.logkey import create_log_keys
from gateway.keys.memory import InsecureMemoryProvider
from gateway.runtime import Gateway, open_gateway
from gateway.settings import Settings
from gateway.store.db import Database, open_database
from gateway.store.tables import metadata, parties
from gateway.usecases._parties import new_tag_key
from gateway.usecases._parties import new_tag_key

START = 1_772_672_400_000_000  # 2026-03-05 09:00 in Shanghai, a Thursday
DAY = 86_400_000_000


class TurnedClock:
    """A clock that stands still until it is turned."""

    def __init__(self, now: int = START) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now

    def advance(self, *, days: float = 0, hours: float = 0, seconds: float = 0) -> None:
        self.now += round((days * 86400 + hours * 3600 + seconds) * 1_000_000)


class World:
    """`async with World() as w:` opens a gateway with tables, cast and default catalogue; everything is gone afterwards."""

    def __init__(self, database_url: str = "", *, catalogue: bool = True, **settings: Any) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="world-"))
        self.clock = TurnedClock()
        self.settings = Settings(
            mode="test", home=self.home, database=database_url, key_provider="insecure-memory:", **settings
        )
        self.provider = InsecureMemoryProvider()
        self._catalogue = catalogue
        self.people: dict[str, Principal] = {}

    async def __aenter__(self) -> "World":
        create_log_keys(self.provider, self.settings.log_key_path, (self.settings.origin, self.settings.trail_origin))
        self.db: Database = open_database(self.settings.database_url, clock=self.clock, durable=False)
        await create_tables(self.db)
        self.gw: Gateway = await open_gateway(self.settings, clock=self.clock, database=self.db, provider=self.provider)
        await self._populate()
        if self._catalogue:
            from gateway.usecases.catalogue import load_default_catalogue

            await load_default_catalogue(self.gw)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.gw.close()
        shutil.rmtree(self.home, ignore_errors=True)

    def person(self, login: str, **changes: Any) -> Principal:
        """The signed-in demo person."""
        from dataclasses import replace

        return replace(self.people[login], **changes)

    def id_of(self, login: str) -> str:
        return self.people[login].id

    async def _populate(self) -> None:
        now = self.clock.now
        kinds = {each.institution_id: each.kind for each in cast.INSTITUTIONS}
        units = {each.unit_id: each for each in cast.UNITS}
        async with self.db.begin() as tx:
            for each in cast.INSTITUTIONS:
                row = {
                    "institution_id": each.institution_id,
                    "kind": each.kind,
                    "name_zh": each.name_zh,
                    "state": "live",
                }
                row |= {"name_en": each.name_en, "created_at": now}
                row["tag_key"] = await new_tag_key(self.gw, tx, each.institution_id)
                await tx.execute(sa.insert(parties.institution), row)
            for unit in cast.UNITS:
                row = {"unit_id": unit.unit_id, "institution_id": unit.institution_id, "name_zh": unit.name_zh}
                row |= {"name_en": unit.name_en, "side": unit.side, "active": True, "created_at": now}
                await tx.execute(sa.insert(parties.unit), row)
            for number, person in enumerate(cast.PEOPLE):
                unit = units[person.unit_id]
                person_id = str(uuid.uuid5(uuid.NAMESPACE_URL, f"world:{person.login}"))
                row = {
                    "person_id": person_id, "kind": person.kind, "login": person.login, "name": person.name,
                    "email": f"{person.login}@demo.invalid", "staff_no": f"D{number:04}", "unit_id": person.unit_id,
                    "institution_id": unit.institution_id, "side": unit.side, "clearance": person.clearance,
                    "trained_until": now + 365 * DAY, "state": "active", "generation": 1, "created_at": now,
                    "updated_at": now,
                }  # fmt: skip
                await tx.execute(sa.insert(parties.person), row)
                for role in person.roles:
                    held = {"person_id": person_id, "role": role, "granted_by": "system:demo", "granted_at": now}
                    await tx.execute(sa.insert(parties.person_role), held)
                self.people[person.login] = Principal(
                    id=person_id, kind=person.kind, login=person.login, name=person.name, unit_id=person.unit_id,
                    institution_id=unit.institution_id, institution_kind=kinds[unit.institution_id],
                    roles=frozenset(person.roles), side=unit.side, clearance=person.clearance,
                    trained_until=now + 365 * DAY, generation=1, staff_no=f"D{number:04}", channel="console",
                    source_address="127.0.0.1",
                )  # fmt: skip


async def create_tables(db: Database) -> None:
    """Every table of the metadata is there (the migrations are tested by themselves)."""
    from sqlalchemy.schema import CreateIndex, CreateTable

    async with db.begin() as tx:
        for table in metadata.sorted_tables:
            await tx.execute(CreateTable(table))
            for index in table.indexes:
                await tx.execute(CreateIndex(index))
