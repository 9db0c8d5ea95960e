from app.models import Store
from tests import factories


def test_a_row_comes_back(session):
    store = factories.make_store(session, name="5th Avenue")
    session.expire_all()
    assert session.get(Store, store.id).name == "5th Avenue"
    assert session.get(Store, store.id).created_at == factories.NOON
