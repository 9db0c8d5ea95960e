"""`clienteling import KIND FILE`: customers, addresses, attributes, orders, opt-ins, employees."""

import gc
import json
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO

import click
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from app import config, schema
from app.cli import describe
from app.cli.database import find_store, open_engine
from app.db import LONG_PATIENCE_MS, Turns, transaction
from app.domain import csv_rows
from app.domain.actor import Actor
from app.domain.texts import N_
from app.errors import AppError, Invalid, NotFound
from app.services import import_files, import_reading, imports
from app.services.import_files import Row
from app.services.import_rows import Outcome
from app.services.imports import RowResult

# How many refused rows are shown on the terminal; the report has all.
SHOWN = 20
# Rows of the first transaction and of the smallest one; one that took more seconds was too large.
FIRST_PART, SMALLEST_PART, LONG = 100, 25, 0.8
NEEDS_STORE = frozenset({"customers", "opt-ins", "employees"})


class _Report:
    """The file of refused rows, opened before anything is done; without a path it writes nothing.

    Raises Invalid for a file that the import reads, one that is no report, and one that cannot be written.
    """

    def __init__(self, path: Path | None, inputs: Sequence[Path]) -> None:
        self.path = path
        self._file: TextIO | None = None
        if path is None:
            return
        try:
            if path.exists() and any(path.samefile(one) for one in inputs):
                raise Invalid(
                    {"report": [f"--report: {path.name} is read by this import. Name another file."]}
                )
            if path.is_file() and path.stat().st_size and not _is_report(path):
                raise Invalid(
                    {"report": [f"--report: {path.name} is there and is no report. Name another file."]}
                )
            self._file = path.open("a", encoding="utf-8", newline="")
        except OSError as error:
            raise Invalid(
                {"report": [f"--report: {path.name} cannot be written: {error.strerror}."]}
            ) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

    def begin(self, *, afresh: bool) -> None:
        """Write the first line, in place of a former report if `afresh`, else where it is missing."""
        if self._file is None:
            return
        if afresh and self._file.seekable():
            self._file.truncate(0)
        if afresh or (self.path is not None and not self.path.stat().st_size):
            self._file.write(import_files.REPORT_HEADER)
            self._file.flush()

    def add(self, bad: Sequence[RowResult]) -> None:
        """Write the reasons of refused rows."""
        if self._file is not None and bad:
            lines = [(one.line, column, reason) for one in bad for column, reason in one.reasons]
            self._file.write(import_files.report_text(lines))
            self._file.flush()


def _is_report(path: Path) -> bool:
    header = import_files.REPORT_HEADER.encode()
    with path.open("rb") as file:
        return file.read(len(header)) == header


class _CannotGoOn(click.ClickException):
    """The database, the disk or another process is in the way."""

    exit_code = 3


class _DryRun(Exception):
    """No error: it ends a transaction that is not to be kept."""


class _Pace:
    """Parts batches into transactions of a moment each: who wants to save meanwhile waits for their end.

    Opt-ins stay together: those of one batch are applied in the order of their time.
    """

    def __init__(self, kind: str) -> None:
        self._size = import_reading.BATCH if kind == "opt-ins" else FIRST_PART
        self._is_fixed = kind == "opt-ins"

    def parts(self, batches: Iterable[list[Row]]) -> Iterator[list[Row]]:
        """Yield the rows in parts, each as large as the last ones were quick."""
        for batch in batches:
            place = 0
            while place < len(batch):
                part = batch[place : place + self._size]
                place += len(part)
                began = time.monotonic()
                yield part
                took = time.monotonic() - began
                if took > LONG and not self._is_fixed:
                    self._size = max(SMALLEST_PART, self._size // 2)
                elif took < LONG / 2:
                    self._size = min(import_reading.BATCH, self._size * 2)


@click.command("import")
@click.argument("kind", type=click.Choice(csv_rows.KINDS))
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--store", help="Name or id of the store that the rows belong to.")
@click.option(
    "--mapping",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Which column is which field (TOML or JSON).",
)
@click.option("--dry-run", is_flag=True, help="Check every row and change nothing.")
@click.option(
    "--report",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write each refused row with its reason here (CSV).",
)
def import_group(
    kind: str, file: Path, store: str | None, mapping: Path | None, dry_run: bool, report: Path | None
) -> None:
    """Import KIND from FILE (CSV, JSON or JSON lines): update by e-mail, else create.

    Ends with 0 when every row was taken, 1 when some were refused, 2 when the file or the command
    is wrong (nothing was changed), 3 when it could not go on (database, disk, another process) and
    130 when it was stopped: after these two the same command goes on.
    """
    try:
        counts = _import(kind, file, store, mapping, dry_run=dry_run, report=report)
    except Invalid as error:
        raise click.UsageError(
            " ".join(reason for many in error.fields.values() for reason in many)
        ) from None
    except config.BadSetting as error:
        raise click.UsageError(str(error)) from None
    except (AppError, DBAPIError, OSError) as error:
        line = f"{error.strerror}: {error.filename}" if isinstance(error, OSError) else describe(error)
        if line is None:
            raise
        raise _CannotGoOn(line) from None
    except KeyboardInterrupt:
        click.echo("Stopped. The same command goes on where this one ended.", err=True)
        raise SystemExit(130) from None
    if counts[Outcome.REFUSED]:
        raise SystemExit(1)


def _import(
    kind: str, file: Path, store: str | None, mapping: Path | None, *, dry_run: bool, report: Path | None
) -> Counter[Outcome]:
    # Each batch makes many rows and lets them go: looking for cycles less often is a tenth of the time.
    gc.set_threshold(100_000, 50, 50)
    with open_engine() as engine:
        if not schema.is_current(engine):
            raise click.UsageError("The database is not ready. Run: clienteling init")
        plan = csv_rows.read_plan(kind, _read_mapping(mapping))
        source = import_files.open_source(file, kind, plan)
        inputs = [file, *([mapping] if mapping else []), *source.others]
        with (
            Session(engine, expire_on_commit=False) as session,
            _Report(report, inputs) as opened,
        ):
            return _run(session, source, store, dry_run=dry_run, report=opened)


def _read_mapping(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        text = path.read_text(encoding="utf-8")
        read = json.loads(text) if path.suffix.casefold() == ".json" else tomllib.loads(text)
    except RecursionError:
        raise Invalid({"mapping": [f"{path.name} cannot be read: it is nested too deep."]}) from None
    except (OSError, ValueError) as error:
        raise Invalid({"mapping": [f"{path.name} cannot be read: {error}."]}) from None
    if not isinstance(read, dict):
        raise Invalid({"mapping": [f"{path.name} holds no mapping."]})
    return read


def _run(
    session: Session, source: import_files.Source, store: str | None, *, dry_run: bool, report: _Report
) -> Counter[Outcome]:
    actor = Actor.system(N_("Import"))
    if store is None and source.kind in NEEDS_STORE:
        raise Invalid({"store": ["Name the store with --store."]})
    try:
        found = find_store(session, store) if store else None
    except NotFound as error:
        raise Invalid({"store": [error.message]}) from None
    store_id = found.id if found else None
    done, resumed = 0, False
    if not dry_run:
        with transaction(session, patience_ms=LONG_PATIENCE_MS):
            job = imports.start(session, actor, source, store_id=store_id)
        done = job.rows_done
        if done:
            click.echo(f"Going on after row {done}.", err=True)
            resumed = True
        elif imports.was_finished(session, job):
            click.echo("This file was imported before; it is gone through again.", err=True)
    report.begin(afresh=not done)
    counts: Counter[Outcome] = Counter()
    refused: list[RowResult] = []
    turns, pace = Turns(session.get_bind().engine), _Pace(source.kind)
    with click.progressbar(
        length=source.count, label=source.kind, show_pos=True, file=sys.stderr
    ) as progress:
        progress.update(done)
        region = found.country_code if found else None
        for batch in pace.parts(import_reading.batches(source, done=done, region=region)):
            results: list[RowResult] = []
            try:
                with transaction(session, patience_ms=LONG_PATIENCE_MS):
                    context = imports.prepare(session, store_id, rows_done=done)
                    if dry_run:
                        results = imports.preview(session, actor, source.kind, context, batch)
                        raise _DryRun  # noqa: TRY301
                    results = imports.apply(session, actor, job.id, context, batch)
            except _DryRun:
                pass
            # Rows of a finished batch are not needed again: memory stays the same for any file.
            session.expunge_all()
            done += len(batch)
            counts.update(result.outcome for result in results)
            bad = [result for result in results if result.outcome is Outcome.REFUSED]
            refused += bad[: SHOWN - len(refused)]
            report.add(bad)
            progress.update(len(batch))
            turns.give_way()
    whole = counts
    if not dry_run:
        with transaction(session, patience_ms=LONG_PATIENCE_MS):
            whole = imports.totals(imports.finish(session, actor, job.id))
    _tell(counts, whole, refused, dry_run=dry_run, resumed=resumed, report=report.path)
    return whole


def _tell(
    counts: Counter[Outcome],
    whole: Counter[Outcome],
    refused: list[RowResult],
    *,
    dry_run: bool,
    resumed: bool,
    report: Path | None,
) -> None:
    for one in refused:
        for column, reason in one.reasons:
            place = f"Line {one.line}{f', {column}' if column else ''}"
            click.echo(csv_rows.printable(f"{place}: {reason}"))
    hidden = counts[Outcome.REFUSED] - len(refused)
    if hidden > 0:
        click.echo(f"…and {hidden} more refused rows{f', all in {report}' if report else ''}.")
    if resumed:
        click.echo(f"This run: {_figures(counts)}. With those before it:")
    click.echo(f"{'Dry run, nothing was changed: ' if dry_run else ''}{_figures(whole)}.")


def _figures(counts: Counter[Outcome]) -> str:
    return ", ".join(f"{counts[outcome]} {outcome.value}" for outcome in Outcome)
