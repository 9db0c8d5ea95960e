"""Every example of docs/api.md runs, in order, against a server that listens."""

import re
import subprocess
import threading
from pathlib import Path

import pytest
from sqlalchemy import func, select
from werkzeug.serving import make_server

from app.api.routes import ROUTES
from app.models import Order
from tests import factories as make

DOCS = Path(__file__).parent.parent.parent / "docs"
BLOCKS = re.findall(r"```bash\n(.*?)```", (DOCS / "api.md").read_text(), re.DOTALL)


@pytest.fixture
def address(app):
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()


def test_every_example_runs(address, cast, session):
    client = make.make_api_client(session)
    script = "set -euo pipefail\n" + "\n".join(BLOCKS)
    ran = subprocess.run(
        ["bash", "-c", script],
        env={
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "BASE": address,
            "CLIENT_ID": client.client_id,
            "CLIENT_SECRET": "secret",
            "STORE": str(cast.north.id),
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert '"conflict' not in ran.stdout
    assert session.scalar(select(func.count()).select_from(Order)) == 1


def test_every_operation_has_an_example():
    text = "\n".join(BLOCKS).replace("$CUSTOMER", "<customer_id>").replace("$ADDRESS", "<address_id>")
    text = text.replace("$STORE", "<store_id>")
    assert [route.path for route in ROUTES if route.path not in text] == []


def test_every_operation_that_a_page_names_is_there():
    named = set()
    for page in DOCS.glob("*.md"):
        named |= set(re.findall(r"`([A-Z]+) (/v0/[^`?]*)", page.read_text()))
    assert ("GET", "/v0/d/consumer_profiles/<customer_id>") in named
    assert named <= {(route.method, route.path) for route in ROUTES}
