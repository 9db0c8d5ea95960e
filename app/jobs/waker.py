"""Wakes the background workers from the processes that serve pages."""

import contextlib
import threading

from app.config import Settings


class Waker:
    """Wakes the workers from another process, without keeping anybody waiting.

    A thread of its own does it, so that a page neither waits for the queue nor fails with it; what
    is lost that way is found by the workers' next look into the table.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.flag = threading.Event()
        self.lock = threading.Lock()
        self.thread: threading.Thread | None = None

    def __call__(self) -> None:
        """Wake the workers soon; returns at once."""
        with self.lock:
            self.flag.set()
            # Begun with the first call: a thread does not survive the fork of a server process.
            if self.thread is None or not self.thread.is_alive():
                self.thread = threading.Thread(target=self._run, name="waker", daemon=True)
                self.thread.start()

    def _run(self) -> None:
        # Huey brings PostgreSQL's driver even on SQLite: a tenth of the server's start.
        from app.jobs import queue  # noqa: PLC0415 -- see above

        while self.flag.wait(timeout=1):
            self.flag.clear()
            with contextlib.suppress(Exception):
                huey = queue.make_huey(self.settings)
                try:
                    queue.send(huey)
                finally:
                    huey.storage.close()
