"""All reading and writing of htmx's headers."""

from typing import Any

from flask import Response, make_response, redirect, render_template, request


def wants_fragment() -> bool:
    """True when htmx asks for a part of a page, to swap into the page that is open."""
    headers = request.headers
    return (
        headers.get("HX-Request") == "true"
        and headers.get("HX-Boosted") != "true"
        and headers.get("HX-History-Restore-Request") != "true"
    )


def render(page: str, /, *, fragment: str | None = None, status: int = 200, **context: Any) -> Response:
    """Answer with the page, or with its fragment when htmx asks for one; both get the same context."""
    template = fragment if fragment and wants_fragment() else page
    return make_response(render_template(template, **context), status)


def see_other(url: str) -> Response:
    """Go on to another page after an act: 303, or HX-Redirect where htmx sent the act."""
    if wants_fragment():
        response = make_response("", 200)
        response.headers["HX-Redirect"] = url
        return response
    return make_response(redirect(url, 303))


def into_flashes(response: Response) -> Response:
    """Show the answer in the line at the top instead of where the request came from."""
    response.headers["HX-Retarget"] = "#flashes"
    response.headers["HX-Reswap"] = "innerHTML"
    return response


def into_dialog(response: Response) -> Response:
    """Show the answer in the dialog, above the page as it stands."""
    response.headers["HX-Retarget"] = "#dialog-body"
    response.headers["HX-Reswap"] = "innerHTML"
    return response
