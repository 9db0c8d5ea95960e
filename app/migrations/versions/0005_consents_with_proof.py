"""Consents with proof

Wordings, evidence, open questions and the mail outbox; a session can be handed to a customer.

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

import app.models.base

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "consent_wording",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(length=40), nullable=False),
        sa.Column("purpose", sa.String(length=20), nullable=False),
        sa.Column("channels", sa.JSON(), nullable=False),
        sa.Column("language", sa.String(length=10), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(length=120), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("created_by_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", app.models.base.UtcDateTime(timezone=True), nullable=False),
        sa.Column("updated_at", app.models.base.UtcDateTime(timezone=True), nullable=False),
        sa.Column("used_at", app.models.base.UtcDateTime(timezone=True), nullable=True),
        sa.Column("retired_at", app.models.base.UtcDateTime(timezone=True), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "length(title) <= 120 AND length(text) <= 4000", name=op.f("ck_consent_wording_text_length")
        ),
        sa.ForeignKeyConstraint(
            ["created_by_id"], ["associate.id"], name=op.f("fk_consent_wording_created_by_id_associate")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent_wording")),
        sa.UniqueConstraint(
            "key", "language", "version", name=op.f("uq_consent_wording_key_language_version")
        ),
    )
    with op.batch_alter_table("consent_wording", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_consent_wording_purpose_consent_wording_language"),
            ["purpose", "language"],
            unique=False,
        )

    op.create_table(
        "consent_ask",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("store_id", sa.Uuid(), nullable=False),
        sa.Column("associate_id", sa.Uuid(), nullable=True),
        sa.Column("language", sa.String(length=10), nullable=False),
        sa.Column("offers", sa.JSON(), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=True),
        sa.Column("contact_hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", app.models.base.UtcDateTime(timezone=True), nullable=False),
        sa.Column("expires_at", app.models.base.UtcDateTime(timezone=True), nullable=False),
        sa.Column("opened_at", app.models.base.UtcDateTime(timezone=True), nullable=True),
        sa.Column("answered_at", app.models.base.UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["associate_id"], ["associate.id"], name=op.f("fk_consent_ask_associate_id_associate")
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_consent_ask_customer_id_customer")
        ),
        sa.ForeignKeyConstraint(["store_id"], ["store.id"], name=op.f("fk_consent_ask_store_id_store")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent_ask")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_consent_ask_token_hash")),
    )
    with op.batch_alter_table("consent_ask", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_consent_ask_customer_id"), ["customer_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_consent_ask_state_consent_ask_expires_at"), ["state", "expires_at"], unique=False
        )

    op.create_table(
        "consent_evidence",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("device", sa.String(length=100), nullable=False),
        sa.Column("created_at", app.models.base.UtcDateTime(timezone=True), nullable=False),
        sa.CheckConstraint("length(content) <= 60000", name=op.f("ck_consent_evidence_content_length")),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_consent_evidence_customer_id_customer")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent_evidence")),
    )
    with op.batch_alter_table("consent_evidence", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_consent_evidence_customer_id"), ["customer_id"], unique=False)

    op.create_table(
        "mail",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("to_address", sa.String(length=254), nullable=False),
        sa.Column("language", sa.String(length=10), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.String(length=200), nullable=False),
        sa.Column("created_at", app.models.base.UtcDateTime(timezone=True), nullable=False),
        sa.Column("sent_at", app.models.base.UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_mail_customer_id_customer")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mail")),
    )
    with op.batch_alter_table("mail", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_mail_customer_id"), ["customer_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_mail_state_mail_created_at"), ["state", "created_at"], unique=False
        )

    with op.batch_alter_table("consent_event", schema=None) as batch_op:
        batch_op.add_column(sa.Column("source_id", sa.String(length=100), server_default="", nullable=False))
        batch_op.add_column(sa.Column("wording_id", sa.Uuid(), nullable=True))
        batch_op.add_column(sa.Column("wording_version", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("evidence_id", sa.Uuid(), nullable=True))
        batch_op.add_column(
            sa.Column("declared_by", sa.String(length=20), server_default="staff", nullable=False)
        )
        batch_op.add_column(sa.Column("device", sa.String(length=100), server_default="", nullable=False))
        batch_op.add_column(sa.Column("time_zone", sa.String(length=64), server_default="", nullable=False))
        batch_op.create_index(batch_op.f("ix_consent_event_evidence_id"), ["evidence_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_consent_event_store_id_consent_event_recorded_at"),
            ["store_id", "recorded_at"],
            unique=False,
        )
        batch_op.create_index(batch_op.f("ix_consent_event_wording_id"), ["wording_id"], unique=False)
        batch_op.create_foreign_key(
            batch_op.f("fk_consent_event_wording_id_consent_wording"),
            "consent_wording",
            ["wording_id"],
            ["id"],
        )
        batch_op.create_foreign_key(
            batch_op.f("fk_consent_event_evidence_id_consent_evidence"),
            "consent_evidence",
            ["evidence_id"],
            ["id"],
        )

    with op.batch_alter_table("sign_in_session", schema=None) as batch_op:
        batch_op.add_column(sa.Column("hand_over_id", sa.Uuid(), nullable=True))
        batch_op.create_foreign_key(
            batch_op.f("fk_sign_in_session_hand_over_id_consent_ask"), "consent_ask", ["hand_over_id"], ["id"]
        )


def downgrade() -> None:
    with op.batch_alter_table("sign_in_session", schema=None) as batch_op:
        batch_op.drop_constraint(
            batch_op.f("fk_sign_in_session_hand_over_id_consent_ask"), type_="foreignkey"
        )
        batch_op.drop_column("hand_over_id")

    with op.batch_alter_table("consent_event", schema=None) as batch_op:
        batch_op.drop_constraint(
            batch_op.f("fk_consent_event_evidence_id_consent_evidence"), type_="foreignkey"
        )
        batch_op.drop_constraint(
            batch_op.f("fk_consent_event_wording_id_consent_wording"), type_="foreignkey"
        )
        batch_op.drop_index(batch_op.f("ix_consent_event_wording_id"))
        batch_op.drop_index(batch_op.f("ix_consent_event_store_id_consent_event_recorded_at"))
        batch_op.drop_index(batch_op.f("ix_consent_event_evidence_id"))
        batch_op.drop_column("time_zone")
        batch_op.drop_column("device")
        batch_op.drop_column("declared_by")
        batch_op.drop_column("evidence_id")
        batch_op.drop_column("wording_version")
        batch_op.drop_column("wording_id")
        batch_op.drop_column("source_id")

    with op.batch_alter_table("mail", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_mail_state_mail_created_at"))
        batch_op.drop_index(batch_op.f("ix_mail_customer_id"))

    op.drop_table("mail")
    with op.batch_alter_table("consent_evidence", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_consent_evidence_customer_id"))

    op.drop_table("consent_evidence")
    with op.batch_alter_table("consent_ask", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_consent_ask_state_consent_ask_expires_at"))
        batch_op.drop_index(batch_op.f("ix_consent_ask_customer_id"))

    op.drop_table("consent_ask")
    with op.batch_alter_table("consent_wording", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_consent_wording_purpose_consent_wording_language"))

    op.drop_table("consent_wording")
