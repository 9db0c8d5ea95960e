"""Measure the real server: python -m bench.http [sqlite|postgresql] [customers ...].

gunicorn as `clienteling run` starts it, asked over the network of this machine by 1 and 16 clients
who keep their connections; beside it a Flask "hello" and a constant page of the same size as the
answer to the search, on the same server. The clients run on the same cores.
"""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flask import Flask

from app import config
from app.cli.serve import Server
from bench.build import SIZES, ensure
from bench.measure import Goal, chosen, machine, percentile, print_goals
from bench.visitor import SECRET, Visitor, prepare

SECONDS = 4
CLIENTS = (1, 16)
ROOT = Path(__file__).parents[1]


class Plain(Server):
    """The same server with nothing to do: a greeting, and a page of the wanted size."""

    def load(self) -> Flask:
        app = Flask("beside")
        page = "x" * int(os.environ["BENCH_PAGE_SIZE"])
        app.add_url_rule("/livez", "livez", lambda: "ok")
        app.add_url_rule("/hello", "hello", lambda: "hello")
        app.add_url_rule("/page", "page", lambda: page, methods=["GET", "POST"])
        return app


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(module: str, url: str, **environment: str) -> Iterator[tuple[int, int]]:
    """Run the server and give its port and its master's process id."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            [sys.executable, "-c", module],
            cwd=ROOT,
            env={
                **os.environ, "DATABASE_URL": url, "DATA_DIR": folder, "SECRET_KEY": SECRET, "ALLOW_HTTP": "yes",
                "PORT": str(port), "LOG_LEVEL": "ERROR", "RUN_JOBS": "no", "PYTHONPATH": str(ROOT), **environment,
            },
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            for _ in range(600):
                try:
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/livez", timeout=5).read()
                    break
                except OSError:
                    time.sleep(0.1)
            yield port, process.pid
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)


def request(path: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    lines = [f"{'POST' if body else 'GET'} {path} HTTP/1.1", "Host: 127.0.0.1"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if body:
        lines += ["Content-Type: application/x-www-form-urlencoded", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


def load(port: int, sent: list[bytes], clients: int) -> tuple[float, list[float]]:
    """Return the requests a second of all clients, and the time of each answer in milliseconds."""
    took: list[float] = []
    until = time.perf_counter() + SECONDS

    def ask(first: int) -> None:
        mine = []
        with socket.create_connection(("127.0.0.1", port)) as connection:
            number = first
            while (started := time.perf_counter()) < until:
                connection.sendall(sent[number % len(sent)])
                _read(connection)
                mine.append(1000 * (time.perf_counter() - started))
                number += 1
        took.extend(mine)

    started = time.perf_counter()
    threads = [threading.Thread(target=ask, args=(number * 7,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(took) / (time.perf_counter() - started), took


def _read(connection: socket.socket) -> None:
    data = connection.recv(65536)
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536)
    head, _, body = data.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), head
    length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
    left = length - len(body)
    while left > 0:
        left -= len(connection.recv(min(left, 65536)))


def memory(master: int) -> list[tuple[int, int]]:
    """Return (RSS, PSS) of each worker in megabytes; PSS counts shared pages by their share."""
    found = []
    children = Path(f"/proc/{master}/task/{master}/children").read_text().split()
    for child in children:
        rows = dict(
            line.split(":", 1) for line in Path(f"/proc/{child}/smaps_rollup").read_text().splitlines()[1:]
        )
        found.append((int(rows["Rss"].split()[0]) // 1024, int(rows["Pss"].split()[0]) // 1024))
    return found


def run(kind: str, customers: int) -> list[Goal]:
    """Measure one database, print the figures and return the goals."""
    url = ensure(kind, customers)
    prepare(url)
    visitor = Visitor(url)
    texts = "a", "mar", "martin", "dub", "sch", "marie d", "gmail", "qxzj", "lef", "06"
    headers = {"Cookie": visitor.cookie, "HX-Request": "true", "X-CSRFToken": visitor.csrf}
    searches = [
        request("/customers/search", headers, f"list=store&text={text.replace(' ', '+')}".encode())
        for text in texts
    ]
    size = sum(
        len(visitor.post("/customers/search", {"list": "store", "text": text})) for text in texts
    ) // len(texts)
    visitor.close()
    print(f"\n{kind}, {customers} customers; {machine()}", flush=True)
    rates: dict[tuple[str, int], float] = {}

    def measure(port: int, name: str, sent: list[bytes]) -> None:
        load(port, sent, 4)
        for clients in CLIENTS:
            rates[name, clients], took = load(port, sent, clients)
            print(
                f"{name:24} {clients:3} clients {rates[name, clients]:8.0f} requests/s"
                f"  p50 {percentile(took, 50):7.2f} p95 {percentile(took, 95):7.2f} p99 {percentile(took, 99):7.2f} ms",
                flush=True,
            )

    with serving("from bench.http import serve_plain as run; run()", url, BENCH_PAGE_SIZE=str(size)) as (
        port,
        _,
    ):
        measure(port, "hello", [request("/hello", {})])
        measure(port, f"constant, {size} bytes", [request("/page", {}, b"text=a")])
    with serving("from app.cli import main; main(['run'])", url) as (port, master):
        measure(port, "search", searches)
        measure(port, "list page", [request("/customers", headers | {"HX-Request": "false"})])
        workers = memory(master)
    print(
        "memory of the workers (RSS, PSS):",
        ", ".join(f"{rss} MB, {pss} MB" for rss, pss in workers),
        flush=True,
    )
    constant = f"constant, {size} bytes"
    return [
        Goal(
            what=f"{kind} {customers}: search against a constant page, {clients} clients",
            measured=100 * rates["search", clients] / rates[constant, clients], limit=25, unit="%", at_least=True,
        )
        for clients in CLIENTS
    ] + [Goal(what=f"{kind} {customers}: memory of one worker", measured=max(rss for rss, _ in workers), limit=150, unit="MB")]  # fmt: skip


def serve_plain() -> None:
    Plain(config.load()).run()


def main(arguments: list[str]) -> list[Goal]:
    kinds, sizes = chosen(arguments, ("sqlite", "postgresql"), [max(SIZES)])
    return [goal for kind in kinds for size in sizes for goal in run(kind, size)]


if __name__ == "__main__":
    print_goals(main(sys.argv[1:]))
