"""API clients and tokens

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

import app.models.base

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "api_client",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("name_key", sa.String(length=200), nullable=False),
        sa.Column("client_id", sa.String(length=40), nullable=False),
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.Column("secret_prefix", sa.String(length=12), nullable=False),
        sa.Column("scopes", sa.String(length=200), nullable=False),
        sa.Column("every_store", sa.Boolean(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("created_at", app.models.base.UtcDateTime(timezone=True), nullable=False),
        sa.Column("updated_at", app.models.base.UtcDateTime(timezone=True), nullable=False),
        sa.Column("last_used_at", app.models.base.UtcDateTime(timezone=True), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.CheckConstraint("length(name) <= 100", name=op.f("ck_api_client_name_length")),
        sa.CheckConstraint("length(scopes) <= 200", name=op.f("ck_api_client_scopes_length")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_client")),
        sa.UniqueConstraint("client_id", name=op.f("uq_api_client_client_id")),
        sa.UniqueConstraint("name_key", name=op.f("uq_api_client_name_key")),
    )
    op.create_table(
        "api_failure",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("client_hash", sa.String(length=64), nullable=False),
        sa.Column("source_hash", sa.String(length=64), nullable=False),
        sa.Column("at", app.models.base.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_failure")),
    )
    with op.batch_alter_table("api_failure", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_api_failure_at"), ["at"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_api_failure_client_hash_api_failure_at"), ["client_hash", "at"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_api_failure_source_hash_api_failure_at"), ["source_hash", "at"], unique=False
        )

    op.create_table(
        "api_client_store",
        sa.Column("api_client_id", sa.Uuid(), nullable=False),
        sa.Column("store_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["api_client_id"], ["api_client.id"], name=op.f("fk_api_client_store_api_client_id_api_client")
        ),
        sa.ForeignKeyConstraint(["store_id"], ["store.id"], name=op.f("fk_api_client_store_store_id_store")),
        sa.PrimaryKeyConstraint("api_client_id", "store_id", name=op.f("pk_api_client_store")),
    )
    with op.batch_alter_table("api_client_store", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_api_client_store_store_id"), ["store_id"], unique=False)

    op.create_table(
        "api_quota",
        sa.Column("api_client_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("minute", sa.BigInteger(), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["api_client_id"], ["api_client.id"], name=op.f("fk_api_quota_api_client_id_api_client")
        ),
        sa.PrimaryKeyConstraint("api_client_id", "kind", name=op.f("pk_api_quota")),
    )
    op.create_table(
        "api_token",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("prefix", sa.String(length=12), nullable=False),
        sa.Column("api_client_id", sa.Uuid(), nullable=False),
        sa.Column("family_id", sa.Uuid(), nullable=False),
        sa.Column("grant", sa.String(length=20), nullable=False),
        sa.Column("scopes", sa.String(length=200), nullable=False),
        sa.Column("issued_at", app.models.base.UtcDateTime(timezone=True), nullable=False),
        sa.Column("expires_at", app.models.base.UtcDateTime(timezone=True), nullable=False),
        sa.Column("used_at", app.models.base.UtcDateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", app.models.base.UtcDateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", app.models.base.UtcDateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "\"grant\" IN ('client_credentials', 'password')", name=op.f("ck_api_token_grant")
        ),
        sa.CheckConstraint("kind IN ('access', 'refresh')", name=op.f("ck_api_token_kind")),
        sa.ForeignKeyConstraint(
            ["api_client_id"], ["api_client.id"], name=op.f("fk_api_token_api_client_id_api_client")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_token")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_api_token_token_hash")),
    )
    with op.batch_alter_table("api_token", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_api_token_api_client_id_api_token_issued_at"),
            ["api_client_id", "issued_at"],
            unique=False,
        )
        batch_op.create_index(batch_op.f("ix_api_token_expires_at"), ["expires_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_api_token_family_id"), ["family_id"], unique=False)


def downgrade() -> None:
    for table in ("api_token", "api_quota", "api_client_store", "api_failure", "api_client"):
        op.drop_table(table)
