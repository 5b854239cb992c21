"""Certificates, enrolment codes, revocations, trust lists, approvers' keys; second factors, invitations, deputies."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Bring the schema to 0005."""
    _certificates()
    _trust()
    _people()
    with op.batch_alter_table("node_seen") as table:
        table.add_column(sa.Column("audit_index", sa.BigInteger, nullable=False, server_default="0"))
        table.add_column(sa.Column("audit_hash", sa.String, nullable=False, server_default=""))


def _certificates() -> None:
    op.create_table(
        "certificate",
        sa.Column("serial", sa.String, primary_key=True),
        sa.Column("identity", sa.String, nullable=False, index=True),
        sa.Column("node", sa.String, nullable=False, index=True),
        sa.Column("issued_at", sa.DateTime, nullable=False),
        sa.Column("not_after", sa.DateTime, nullable=False),
        sa.Column("revoked_at", sa.DateTime, index=True),
        sa.Column("reason", sa.String, nullable=False),
    )
    op.create_table(
        "enrol_code",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("node", sa.String, nullable=False, index=True),
        sa.Column("services", sa.JSON, nullable=False),
        sa.Column("code_hash", sa.String, nullable=False),
        sa.Column("made_at", sa.DateTime, nullable=False),
        sa.Column("made_by", sa.String, nullable=False),
        sa.Column("expires_at", sa.DateTime, nullable=False),
        sa.Column("tries_left", sa.Integer, nullable=False),
        sa.Column("used_at", sa.DateTime),
        sa.Column("requests_hash", sa.String, nullable=False),
        sa.Column("ended_at", sa.DateTime),
    )
    op.create_table(
        "revocation",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("node", sa.String, nullable=False, index=True),
        sa.Column("asked_at", sa.DateTime, nullable=False),
        sa.Column("asked_by", sa.String, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("rights_gone_at", sa.DateTime),
        sa.Column("crl_loaded_at", sa.DateTime),
        sa.Column("cut_off_at", sa.DateTime),
        sa.Column("probed_at", sa.DateTime),
        sa.Column("trouble", sa.String, nullable=False),
    )


def _trust() -> None:
    op.create_table(
        "approver_key",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("account_id", sa.Integer, sa.ForeignKey("account.id"), nullable=False, index=True),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("label", sa.String, nullable=False),
        sa.Column("public", sa.String, nullable=False),
        sa.Column("credential", sa.LargeBinary),
        sa.Column("rp_id", sa.String, nullable=False),
        sa.Column("origin", sa.String, nullable=False),
        sa.Column("sign_count", sa.BigInteger, nullable=False),
        sa.Column("made_at", sa.DateTime, nullable=False),
        sa.Column("removed_at", sa.DateTime),
    )
    op.create_table(
        "trust_list",
        sa.Column("generation", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("body", sa.String, nullable=False),
        sa.Column("signature", sa.LargeBinary, nullable=False),
        sa.Column("brought_at", sa.DateTime, nullable=False),
        sa.Column("brought_by", sa.String, nullable=False),
    )


def _people() -> None:
    with op.batch_alter_table("account") as table:
        table.add_column(sa.Column("totp_sealed", sa.LargeBinary))
        table.add_column(sa.Column("totp_since", sa.DateTime))
        table.add_column(sa.Column("totp_step", sa.BigInteger, nullable=False, server_default="0"))
    op.create_table(
        "invitation",
        sa.Column("hash", sa.String, primary_key=True),
        sa.Column("account_id", sa.Integer, sa.ForeignKey("account.id"), nullable=False, index=True),
        sa.Column("made_at", sa.DateTime, nullable=False),
        sa.Column("made_by", sa.String, nullable=False),
        sa.Column("expires_at", sa.DateTime, nullable=False),
        sa.Column("used_at", sa.DateTime),
    )
    op.create_table(
        "deputy",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("account_id", sa.Integer, sa.ForeignKey("account.id"), nullable=False, index=True),
        sa.Column("for_account_id", sa.Integer, sa.ForeignKey("account.id"), nullable=False),
        sa.Column("role", sa.String, nullable=False),
        sa.Column("since", sa.DateTime, nullable=False),
        sa.Column("until", sa.DateTime, nullable=False),
        sa.Column("ended_at", sa.DateTime),
        sa.Column("made_by", sa.String, nullable=False),
    )
