"""Reviews of opt-ins

Each opt-in learns which declaration it rests on, how strong its evidence is and in which group of
the managers' queue it waits; decisions get a table of their own.

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

import app.models.base

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

# The rules of domain/consent_reviews.py as they were then, for the opt-ins that stand already.
# COALESCE keeps SQLite from reading all events of the store for each opt-in: minutes for 20,000.
_FILL = (
    """
    UPDATE consent AS c SET event_id = (
        SELECT e.id FROM consent_event AS e
        WHERE e.customer_id = c.customer_id AND COALESCE(e.store_id, e.store_id) = c.store_id AND e.purpose = c.purpose
            AND e.channel = c.channel AND e.action IN ('requested', 'given', 'confirmed', 'refused', 'withdrawn')
        ORDER BY e.recorded_at DESC, e.id DESC LIMIT 1
    )
    """,
    """
    UPDATE consent AS c SET
        evidence = e.method,
        captured_by_id = e.associate_id,
        is_weak = (e.method IN ('spoken', 'import') OR e.wording = ''
            OR (e.method IN ('signature', 'own_phone', 'paper') AND e.evidence_id IS NULL)),
        risk = CASE WHEN e.method IN ('import', 'system') THEN 50 WHEN e.method = 'spoken' THEN 40 ELSE 0 END
            + CASE WHEN e.wording = '' THEN 30 ELSE 0 END
            + CASE WHEN e.evidence_id IS NULL THEN 20 ELSE 0 END
            + CASE WHEN e.method IN ('import', 'system', 'spoken', 'paper') THEN 10 ELSE 0 END
    FROM consent_event AS e WHERE e.id = c.event_id
    """,
    """
    UPDATE consent SET
        review = CASE WHEN state <> 'accepted' THEN '' WHEN is_weak THEN 'weak' ELSE 'new' END,
        risk = CASE WHEN state <> 'accepted' THEN 0 ELSE risk END
    """,
)


def upgrade() -> None:
    """Upgrade the schema."""
    with op.batch_alter_table("consent_event") as batch_op:
        batch_op.create_index(
            batch_op.f(
                "ix_consent_event_store_id_consent_event_at_consent_event_action_consent_event_method"
            ),
            ["store_id", "at", "action", "method"],
        )
    with op.batch_alter_table("consent") as batch_op:
        batch_op.add_column(sa.Column("event_id", sa.Uuid(), nullable=True))
        batch_op.add_column(sa.Column("evidence", sa.String(20), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("is_weak", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.add_column(sa.Column("captured_by_id", sa.Uuid(), nullable=True))
        batch_op.add_column(sa.Column("review", sa.String(12), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("risk", sa.Integer(), nullable=False, server_default="0"))
    for statement in _FILL:
        op.execute(statement)
    with op.batch_alter_table("consent") as batch_op:
        for name in ("evidence", "is_weak", "review", "risk"):
            batch_op.alter_column(name, server_default=None)
        batch_op.create_foreign_key(
            batch_op.f("fk_consent_event_id_consent_event"), "consent_event", ["event_id"], ["id"]
        )
        batch_op.create_foreign_key(
            batch_op.f("fk_consent_captured_by_id_associate"), "associate", ["captured_by_id"], ["id"]
        )
        batch_op.create_index(batch_op.f("ix_consent_event_id"), ["event_id"])
        batch_op.create_index(
            batch_op.f("ix_consent_store_id_consent_review_consent_risk"), ["store_id", "review", "risk"]
        )
        batch_op.create_index(
            batch_op.f("ix_consent_store_id_consent_state_consent_since"), ["store_id", "state", "since"]
        )
    op.create_table(
        "consent_review",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", app.models.base.UtcDateTime(timezone=True), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("store_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.String(20), nullable=False),
        sa.Column("channel", sa.String(20), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("added_event_id", sa.Uuid(), nullable=True),
        sa.Column("decision", sa.String(20), nullable=False),
        sa.Column("reason", sa.String(20), nullable=False),
        sa.Column("note", sa.String(300), nullable=False),
        sa.Column("reviewer_id", sa.Uuid(), nullable=True),
        sa.Column("state_before", sa.String(20), nullable=False),
        sa.Column("state_after", sa.String(20), nullable=False),
        sa.Column("since_before", app.models.base.UtcDateTime(timezone=True), nullable=False),
        sa.Column("review_before", sa.String(12), nullable=False),
        sa.Column("risk_before", sa.Integer(), nullable=False),
        sa.Column("bulk_id", sa.Uuid(), nullable=True),
        sa.Column("undoes_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("length(note) <= 300", name=op.f("ck_consent_review_note_length")),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_consent_review_customer_id_customer")
        ),
        sa.ForeignKeyConstraint(["store_id"], ["store.id"], name=op.f("fk_consent_review_store_id_store")),
        sa.ForeignKeyConstraint(
            ["event_id"], ["consent_event.id"], name=op.f("fk_consent_review_event_id_consent_event")
        ),
        sa.ForeignKeyConstraint(
            ["added_event_id"],
            ["consent_event.id"],
            name=op.f("fk_consent_review_added_event_id_consent_event"),
        ),
        sa.ForeignKeyConstraint(
            ["reviewer_id"], ["associate.id"], name=op.f("fk_consent_review_reviewer_id_associate")
        ),
        sa.ForeignKeyConstraint(
            ["undoes_id"], ["consent_review.id"], name=op.f("fk_consent_review_undoes_id_consent_review")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent_review")),
    )
    with op.batch_alter_table("consent_review") as batch_op:
        batch_op.create_index(batch_op.f("ix_consent_review_event_id_consent_review_at"), ["event_id", "at"])
        batch_op.create_index(batch_op.f("ix_consent_review_bulk_id"), ["bulk_id"])
        batch_op.create_index(batch_op.f("ix_consent_review_customer_id"), ["customer_id"])
        batch_op.create_index(batch_op.f("ix_consent_review_store_id_consent_review_at"), ["store_id", "at"])
        batch_op.create_index(batch_op.f("ix_consent_review_undoes_id"), ["undoes_id"], unique=True)


def downgrade() -> None:
    """Downgrade the schema."""
    op.drop_table("consent_review")
    with op.batch_alter_table("consent") as batch_op:
        batch_op.drop_index(batch_op.f("ix_consent_store_id_consent_state_consent_since"))
        batch_op.drop_index(batch_op.f("ix_consent_store_id_consent_review_consent_risk"))
        batch_op.drop_index(batch_op.f("ix_consent_event_id"))
        batch_op.drop_constraint(batch_op.f("fk_consent_captured_by_id_associate"), type_="foreignkey")
        batch_op.drop_constraint(batch_op.f("fk_consent_event_id_consent_event"), type_="foreignkey")
        for name in ("risk", "review", "captured_by_id", "is_weak", "evidence", "event_id"):
            batch_op.drop_column(name)
    with op.batch_alter_table("consent_event") as batch_op:
        batch_op.drop_index(
            batch_op.f("ix_consent_event_store_id_consent_event_at_consent_event_action_consent_event_method")
        )
