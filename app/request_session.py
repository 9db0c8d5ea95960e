"""One database session per request, opened on first use, for pages and API alike."""

from flask import Flask, current_app, g
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from app.db import ReadingSession


def get_session() -> Session:
    """Return the request's session."""
    if "db_session" not in g:
        engine: Engine = current_app.extensions["engine"]
        g.db_session = ReadingSession(engine, expire_on_commit=False)
    session: Session = g.db_session
    return session


def register(app: Flask) -> None:
    """Close the session when the request ends."""

    @app.teardown_appcontext
    def close(_error: BaseException | None) -> None:
        session = g.pop("db_session", None)
        if session is not None:
            session.close()
