"""What `clienteling run` loads before it answers: each process waits for it."""

import os
import subprocess
import sys

from tests.database import free_port

# The command itself, up to the point where the workers would be forked.
START = """
import sys
from app.cli import main
main.get_command(None, "run")
from app.cli import serve
serve.Server.run = serve.Server.load
main(["run"], standalone_mode=False)
print(*sys.modules)
"""


def test_the_start_loads_the_pages_but_no_migrations_and_no_other_database(
    database_url, tmp_path, database_kind
):
    environment = {
        "DATABASE_URL": database_url, "DATA_DIR": str(tmp_path / "data"), "SECRET_KEY": "", "HOST": "",
        "PORT": str(free_port()),
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", START],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(done.stdout.split())
    assert "app.web.customers" in loaded
    assert "alembic" not in loaded
    assert ("psycopg" in loaded) == (database_kind == "postgresql")
