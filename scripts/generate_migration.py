"""Write the next migration from the difference between the newest one and the tables. Read it before committing it.

`python scripts/generate_migration.py 0002 "say what changes"`
"""

import sys
import tempfile
from pathlib import Path

import sqlalchemy as sa
from alembic.autogenerate import produce_migrations, render_python_code
from alembic.runtime.migration import MigrationContext

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from gateway.store import migrations
from gateway.store.tables import metadata

FOLDER = Path(__file__).parent.parent / "gateway" / "store" / "migrations" / "versions"
TEMPLATE = '''"""{message}."""

import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = {previous}
branch_labels = None
depends_on = None


def upgrade() -> None:
    """From {before} to {revision}."""
    {upgrade}


def downgrade() -> None:
    """From {revision} back to {before}."""
    {downgrade}
'''


def main(revision: str, message: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/before.sqlite"
        previous = migrations.head() if any(FOLDER.glob("0*.py")) else None
        if previous not in {None, "None"}:
            migrations.upgrade(url)
        with sa.create_engine(url).connect() as connection:
            made = produce_migrations(MigrationContext.configure(connection), metadata)
    known = previous not in {None, "None"}
    text = TEMPLATE.format(
        message=message, revision=revision, previous=f'"{previous}"' if known else None, before=previous if known else "nothing",
        upgrade=render_python_code(made.upgrade_ops).strip(), downgrade=render_python_code(made.downgrade_ops).strip(),
    )  # fmt: skip
    slug = "".join(c if c.isalnum() else "_" for c in message.lower())[:40]
    (FOLDER / f"{revision}_{slug}.py").write_text(text)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
