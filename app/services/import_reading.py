"""Rows of a file are read and checked by a process of their own, while those before them are written.

So two cores share a long import. Nothing here asks the database.
"""

import gc
import multiprocessing
import signal
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from multiprocessing.connection import Connection

from app.errors import Invalid, Unavailable
from app.services import import_rows
from app.services.import_files import Row, Source

BATCH = 500
# To start the process takes as long as to read so many rows.
WORTH_A_PROCESS = 4_000
READER_GONE = "The process that reads the file was ended. The same command goes on where this one stopped."


def batches(source: Source, *, done: int, region: str | None) -> Iterator[list[Row]]:
    """Yield the rows that are still to do, in batches, each as `import_rows.read` gives it.

    `region` is the country in whose way phone numbers are written. Raises Invalid where the file breaks,
    and Unavailable when somebody ended the process.
    """
    if source.count - done < WORTH_A_PROCESS:
        yield from _read(source, done, region)
        return
    # Not a copy of this process: it holds connections to the database.
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_send, args=(sender, source, done, region), daemon=True)
    process.start()
    sender.close()
    try:
        while batch := _receive(receiver):
            yield batch
    finally:
        receiver.close()
        process.terminate()
        process.join()


def _receive(receiver: Connection) -> list[Row]:
    try:
        received: list[Row] | Invalid = receiver.recv()
    except EOFError:
        raise Unavailable(READER_GONE) from None
    if isinstance(received, Invalid):
        raise received
    return received


def _send(sender: Connection, source: Source, done: int, region: str | None) -> None:
    # Who stops the import stops the other process, which ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.set_threshold(100_000, 50, 50)
    with suppress(BrokenPipeError):
        try:
            for batch in _read(source, done, region):
                sender.send(batch)
            sender.send([])
        except Invalid as error:
            sender.send(error)


def _read(source: Source, done: int, region: str | None) -> Iterator[list[Row]]:
    rows = islice(source.rows(), done, None)
    while batch := list(islice(rows, BATCH)):
        yield [import_rows.read(source.kind, row, region) for row in batch]
