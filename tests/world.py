"""A small whole gateway on a temporary SQLite file (or a PostgreSQL URL), with the demonstration's cast and a clock to turn."""

import shutil
import tempfile
from pathlib import Path
from typing import Any

from gateway.demo.seed import add_cast
from gateway.domain.principal import Principal
from gateway.keys.logkey import add_witness_key, create_log_keys
from gateway.keys.memory import InsecureMemoryProvider
from gateway.runtime import Gateway, open_gateway
from gateway.settings import Settings
from gateway.store.db import Database, open_database
from gateway.store.tables import metadata
from gateway.usecases.catalogue import load_default_catalogue

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
        add_witness_key(self.provider, self.settings.log_key_path, self.settings.witness)
        self.db: Database = open_database(self.settings.database_url, clock=self.clock, durable=False)
        await create_tables(self.db)
        self.gw: Gateway = await open_gateway(self.settings, clock=self.clock, database=self.db, provider=self.provider)
        self.people = await add_cast(self.gw, passwords=False)
        if self._catalogue:
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


async def create_tables(db: Database) -> None:
    """Every table of the metadata is there (the migrations are tested by themselves)."""
    from sqlalchemy.schema import CreateIndex, CreateTable

    async with db.begin() as tx:
        for table in metadata.sorted_tables:
            await tx.execute(CreateTable(table))
            for index in table.indexes:
                await tx.execute(CreateIndex(index))
