"""A person's keys stand in a table of their own: `account.key`, which named one, goes."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Bring the schema to 0006. The keys themselves were never in it: people make them anew."""
    with op.batch_alter_table("account") as table:
        table.drop_constraint("uq_account_key", type_="unique")
        table.drop_column("key")
