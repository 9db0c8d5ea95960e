"""`clienteling run`: the database brought up to date, then the web server."""

import errno
import gc
import os
import socket
import subprocess
import sys
from typing import Any

import click
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter

from app import backups, config, logs, schema
from app.application import create_app
from app.cli.database import open_engine
from app.cli.demo import ensure_demo, tell_sign_ins
from app.cli.worker import Readable, ServerLog, Worker


class Beside(Arbiter):
    """Gunicorn's master, which also keeps the process of the background jobs alive."""

    jobs: subprocess.Popen[bytes] | None = None
    # One second: the workers are to have the processors to themselves until they answer.
    wait = 1

    def manage_workers(self) -> None:
        """Start the jobs, and again when their process is gone, later then; called every second."""
        super().manage_workers()
        if self.app.settings.run_jobs and (self.jobs is None or self.jobs.poll() is not None):
            if self.wait > 0:
                self.wait -= 1
                return
            self.jobs = _start_jobs()
            self.wait = 5

    def stop(self, graceful: bool = True) -> None:
        """Stop the jobs together with the workers, and wait until what is in flight is done."""
        jobs, self.jobs = self.jobs, None
        if jobs is not None:
            jobs.terminate()
        super().stop(graceful)
        if jobs is not None:
            assert jobs.stdin is not None
            jobs.stdin.close()
            try:
                jobs.wait(timeout=25)
            except subprocess.TimeoutExpired:
                jobs.kill()


class Server(BaseApplication):
    """Gunicorn with the settings of this program; the application is made once, and forked."""

    def __init__(self, settings: config.Settings) -> None:
        self.settings = settings
        super().__init__()

    def load_config(self) -> None:
        """Set what the settings and docs/operations.md say."""
        settings = self.settings
        values: dict[str, Any] = {
            "bind": [_bind_address(settings)],
            "worker_class": Worker,
            "logger_class": ServerLog,
            "workers": settings.web_workers,
            "threads": settings.web_threads,
            "preload_app": True,
            "graceful_timeout": 20,
            # Longer than a reverse proxy keeps an idle connection, so that the proxy closes first.
            "keepalive": 75,
            # Up to here the API itself says what is too long.
            "limit_request_line": 8190,
            "accesslog": None,
            "control_socket_disable": True,
            # PROXY_COUNT alone decides what is believed of the headers that proxies set.
            "forwarded_allow_ips": "",
            "when_ready": lambda _server: click.echo(
                f"Serving on http://{_bind_address(settings)} - press Ctrl+C to stop."
            ),
        }
        for name, value in values.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """Make the application, which all workers share; no connection and no thread crosses the fork."""
        logs.set_up(self.settings.log_level)
        # What is loaded now stays: looking through it for garbage would halt every hundredth page, and
        # give each worker a copy of it.
        gc.collect()
        gc.disable()
        app = create_app(self.settings)
        app.wsgi_app = Readable(app.wsgi_app)  # type: ignore[method-assign]
        app.extensions["engine"].dispose()
        gc.freeze()
        gc.enable()
        gc.set_threshold(10_000, 20, 20)
        return app

    def run(self) -> None:
        """Serve until stopped."""
        Beside(self).run()


@click.command()
@click.option("--demo", is_flag=True, help="Fill an empty database with demo data first.")
def run(demo: bool) -> None:
    """Bring the database to the newest schema and serve the pages."""
    settings = config.load()
    refuse_taken_port(settings)
    with open_engine(settings) as engine:
        schema.upgrade(engine)
        backups.refuse_other_key(engine, settings)
        if demo:
            ensure_demo(engine, settings, click.echo)
        else:
            tell_sign_ins(settings, click.echo)
    Server(settings).run()


def refuse_taken_port(settings: config.Settings) -> None:
    """Raise ClickException when nobody could listen on HOST and PORT."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            reason = {
                errno.EADDRINUSE: "another program uses it; choose another one with PORT=8001",
                errno.EACCES: "ports below 1024 need special rights; choose another one with PORT=8001",
            }.get(error.errno or 0, os.strerror(error.errno) if error.errno else str(error))
            raise click.ClickException(
                f"Cannot listen on {settings.host} port {settings.port}: {reason}."
            ) from None


def _bind_address(settings: config.Settings) -> str:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"{host}:{settings.port}"


def _start_jobs() -> subprocess.Popen[bytes]:
    """Start `clienteling jobs` as a child that ends with this process, even when that is killed."""
    return subprocess.Popen(
        [sys.executable, "-c", "from app.cli import main; main()", "jobs", "--beside-server"],
        stdin=subprocess.PIPE,
    )
