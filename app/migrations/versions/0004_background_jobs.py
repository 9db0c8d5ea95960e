"""Background jobs

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

import app.models.base

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

IS_OPEN = sa.text("state IN ('queued', 'running')")


def upgrade() -> None:
    op.create_table(
        "job",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=60), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("subject_type", sa.String(length=40), nullable=False),
        sa.Column("subject_id", sa.String(length=80), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("key", sa.String(length=120), nullable=True),
        sa.Column("is_wanted_again", sa.Boolean(), nullable=False),
        sa.Column("run_after", app.models.base.UtcDateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("done_count", sa.Integer(), nullable=False),
        sa.Column("total_count", sa.Integer(), nullable=False),
        sa.Column("lease_token", sa.Uuid(), nullable=True),
        sa.Column("leased_until", app.models.base.UtcDateTime(timezone=True), nullable=True),
        sa.Column("error", sa.String(length=300), nullable=False),
        sa.Column("created_by_id", sa.Uuid(), nullable=True),
        sa.Column("store_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", app.models.base.UtcDateTime(timezone=True), nullable=False),
        sa.Column("started_at", app.models.base.UtcDateTime(timezone=True), nullable=True),
        sa.Column("finished_at", app.models.base.UtcDateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job")),
    )
    with op.batch_alter_table("job", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_job_created_at"), ["created_at"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_job_created_by_id_job_created_at"), ["created_by_id", "created_at"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_job_key_job_finished_at"), ["key", "finished_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_job_state_job_run_after"), ["state", "run_after"], unique=False)
        batch_op.create_index(
            "uq_job_open_key", ["key"], unique=True, sqlite_where=IS_OPEN, postgresql_where=IS_OPEN
        )


def downgrade() -> None:
    op.drop_table("job")
