"""The request's database session, under the name that the pages know it by."""

from app.request_session import get_session, register

__all__ = ["get_session", "register"]
