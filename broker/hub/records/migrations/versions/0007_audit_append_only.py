"""The audit log becomes append-only in the database itself: no change, no deletion, no row out of turn."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_REFUSAL = "the audit log is append-only"


def upgrade() -> None:
    """Bring the schema to 0007."""
    op.create_index("ix_audit_at", "audit", ["at"])
    op.create_index("ix_audit_actor", "audit", ["actor"])
    statements = _POSTGRESQL if op.get_bind().dialect.name == "postgresql" else _SQLITE
    for statement in statements:
        op.execute(sa.text(statement))


_SQLITE = (
    # REPLACE deletes without asking the trigger of deletions, but it has to pass this one first.
    f"""CREATE TRIGGER audit_append BEFORE INSERT ON audit
    WHEN NEW.id IS NOT (SELECT coalesce(max(id), 0) + 1 FROM audit)
      OR NEW.prev IS NOT coalesce((SELECT hash FROM audit ORDER BY id DESC LIMIT 1), printf('%064d', 0))
    BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END""",  # noqa: S608  (our own constant)
    f"""CREATE TRIGGER audit_keep_changed BEFORE UPDATE ON audit
    BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END""",
    f"""CREATE TRIGGER audit_keep_deleted BEFORE DELETE ON audit
    BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END""",
)
_POSTGRESQL = (
    f"""CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION '{_REFUSAL}'; END $$""",
    f"""CREATE FUNCTION audit_follow() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NEW.id IS DISTINCT FROM (SELECT coalesce(max(id), 0) + 1 FROM audit)
            OR NEW.prev IS DISTINCT FROM coalesce((SELECT hash FROM audit ORDER BY id DESC LIMIT 1), repeat('0', 64))
        THEN RAISE EXCEPTION '{_REFUSAL}'; END IF;
        RETURN NEW;
    END $$""",  # noqa: S608  (our own constant)
    "CREATE TRIGGER audit_append BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION audit_follow()",
    "CREATE TRIGGER audit_keep_changed BEFORE UPDATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()",
    """CREATE TRIGGER audit_keep_deleted BEFORE DELETE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()""",
)
