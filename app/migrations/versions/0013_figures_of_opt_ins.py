"""Figures of opt-ins

The dashboard counts from two indexes that hold all it counts, without reading the rows.

Revision ID: 0013
Revises: 0012
"""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_OLD_EVENTS = "ix_consent_event_store_id_consent_event_at_consent_event_action_consent_event_method"
_OLD_CONSENTS = "ix_consent_store_id_consent_state_consent_since"
_EVENTS = "store_id at action purpose associate_id method wording evidence_id".split()
_CONSENTS = "store_id state since purpose channel is_weak".split()


def upgrade() -> None:
    """Upgrade the schema."""
    op.drop_index(op.f(_OLD_EVENTS), table_name="consent_event")
    op.create_index("ix_consent_event_figures", "consent_event", _EVENTS)
    op.drop_index(op.f(_OLD_CONSENTS), table_name="consent")
    op.create_index("ix_consent_figures", "consent", _CONSENTS)


def downgrade() -> None:
    """Downgrade the schema."""
    op.drop_index("ix_consent_figures", table_name="consent")
    op.create_index(op.f(_OLD_CONSENTS), "consent", ["store_id", "state", "since"])
    op.drop_index("ix_consent_event_figures", table_name="consent_event")
    op.create_index(op.f(_OLD_EVENTS), "consent_event", ["store_id", "at", "action", "method"])
