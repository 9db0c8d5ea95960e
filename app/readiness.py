"""Whether everything needed for serving holds; asked by /readyz and by `clienteling doctor`."""

import shutil

from sqlalchemy import Engine, text

from app import schema
from app.config import Settings
from app.db import SQLITE_PRAGMAS

MIN_FREE_BYTES = 200 * 1024 * 1024


def check(engine: Engine, settings: Settings) -> dict[str, bool]:
    """Return each condition of serving and whether it holds."""
    try:
        with engine.connect().execution_options(writes=True) as connection:
            if engine.dialect.name == "sqlite":
                found = str(connection.exec_driver_sql("PRAGMA journal_mode").scalar())
                durable = found == SQLITE_PRAGMAS["journal_mode"]
                durable &= connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
            else:
                durable = connection.execute(text("SHOW synchronous_commit")).scalar() == "on"
            connection.rollback()
        is_current = schema.is_current(engine)
    except Exception:  # noqa: BLE001 -- whatever it is, the answer is: not ready
        return {"database": False}
    free = shutil.disk_usage(settings.data_dir).free
    return {"database": True, "durable": durable, "migrated": is_current, "disk": free >= MIN_FREE_BYTES}
