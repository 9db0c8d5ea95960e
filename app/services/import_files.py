"""Files to import: read piece by piece, refused as a whole when they cannot be read."""

import csv
import hashlib
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from app.domain import csv_rows, orders
from app.domain.csv_rows import Plan
from app.errors import Invalid

MAX_CELL = 100_000
REPORT_HEADER = "line,column,reason\r\n"
# The first wins where a line has none of them, or as many of one as of another.
DELIMITERS = (",", ";", "\t")
# Excel's own line before the names of the columns, which says what parts the cells.
_SAID = re.compile(r"sep=([,;\t])\s*")
# How workbooks begin, newer and older ones.
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
_MENDING = 'Save the file as "CSV UTF-8", or turn it with: iconv -f WINDOWS-1252 -t UTF-8'
# A JSON list is read as a whole; larger ones are to come as JSON lines, one object a line.
MAX_JSON_BYTES = 64 * 2**20


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row of a file with the line it begins on: its fields, or why it has none.

    `import_rows.read` puts what it makes of the fields in their place.
    """

    line: int
    data: Any
    error: Invalid | None = None


@dataclass(frozen=True, kw_only=True)
class Source:
    """A file that was read through once: it can be read, and this is how many rows it has."""

    path: Path
    kind: str
    plan: Plan
    tables: csv_rows.Tables
    count: int
    digest: str

    @property
    def others(self) -> Sequence[Path]:
        """The other files that are read for it."""
        return [self.path.parent / name for name in sorted(self.plan.files)]

    def rows(self) -> Iterator[Row]:
        """Yield the rows, again from the start at each call."""
        if not _is_csv(self.path):
            yield from _json_rows(self.path)
            return
        for line, header, cells in _csv_lines(self.path):
            if len(cells) != len(header):
                reason = f"This row has {len(cells)} cells, the first line has {len(header)}."
                yield Row(line=line, data={}, error=Invalid({"": [reason]}))
                continue
            try:
                raw = dict(zip(header, cells, strict=True))
                yield Row(line=line, data=csv_rows.build(self.kind, self.plan, raw, self.tables))
            except Invalid as error:
                yield Row(line=line, data={}, error=error)


def open_source(path: Path, kind: str, plan: Plan) -> Source:
    """Read a file through and return it ready for import.

    Raises Invalid with the line for a file that is no UTF-8, has NUL characters or endless cells,
    no header, unknown columns, or is no JSON.
    """
    # What counts as a row is part of it: an import that another version broke off begins anew.
    digest = hashlib.sha256(f"{kind}\n{plan}\nwithout blank rows".encode())
    _check_text(path, digest)
    tables = {}
    others: list[csv_rows.Join | csv_rows.Lookup] = [*plan.joins, *plan.lookups.values()]
    for one in others:
        other = path.parent / one.file
        _check_text(other, digest)
        wanted = set(one.columns) if isinstance(one, csv_rows.Join) else {one.value}
        tables[csv_rows.table_name(one)] = _table(other, one.key, wanted, one)
    if _is_csv(path):
        header = next((header for _, header, _ in _csv_lines(path, header_too=True)), None)
        if header is None:
            raise Invalid({"": [f"{path.name} has no first line with the names of the columns."]})
        plan = csv_rows.check_columns(kind, plan, header)
        count = sum(1 for _ in _csv_lines(path))
    elif plan != Plan():
        raise Invalid({"mapping": ["A mapping is for CSV. In JSON name the keys as the fields are."]})
    else:
        count = _count_json(path)
    return Source(path=path, kind=kind, plan=plan, tables=tables, count=count, digest=digest.hexdigest())


def _is_csv(path: Path) -> bool:
    return path.suffix.casefold() not in {".json", ".jsonl", ".ndjson"}


def _check_text(path: Path, digest: Any) -> None:
    """Refuse what is no plain UTF-8 text, by line, and add the bytes to the digest."""
    try:
        with path.open("rb") as file:
            begin = file.read(4)
            if begin[:2] in {b"\xff\xfe", b"\xfe\xff"}:
                raise Invalid({"": [f"{path.name} is UTF-16. Save it as UTF-8."]})
            if begin in _WORKBOOKS:
                raise Invalid({"": [f'{path.name} is a workbook. Save the sheet as "CSV UTF-8".']})
            file.seek(0)
            for number, line in enumerate(file, 1):
                digest.update(line)
                if b"\0" in line:
                    raise Invalid({"": [f"{path.name}, line {number}: this holds a NUL character."]})
                try:
                    line.decode("utf-8")
                except UnicodeDecodeError as error:
                    place = f"{path.name}, line {number}, byte {error.start + 1}"
                    raise Invalid({"": [f"{place}: this is no UTF-8. {_MENDING}"]}) from None
    except OSError as error:
        raise Invalid({"": [f"{path.name} cannot be read: {error.strerror}."]}) from None


def _csv_lines(path: Path, *, header_too: bool = False) -> Iterator[tuple[int, Sequence[str], Sequence[str]]]:
    csv.field_size_limit(MAX_CELL)
    with path.open(encoding="utf-8-sig", newline="") as file:
        first = file.readline(MAX_CELL)
        said = _SAID.fullmatch(first)
        before = 1 if said else 0
        if not said:
            file.seek(0)
        reader = csv.reader(file, delimiter=said[1] if said else _delimiter(first), strict=True)
        header: list[str] | None = None
        line = before + 1
        try:
            for cells in reader:
                if header is None:
                    header = [name.strip() for name in cells]
                    if not any(header):
                        header = None
                        break
                    if header_too:
                        yield line, header, header
                elif any(map(str.strip, cells)):
                    # Spreadsheets write empty rows below a table; they are none.
                    yield line, header, cells
                line = before + reader.line_num + 1
        except csv.Error as error:
            reason = _why(error, is_long=before + reader.line_num > line)
            raise Invalid({"": [f"{path.name}, line {line}: {reason}"]}) from None


def _why(error: csv.Error, *, is_long: bool) -> str:
    """Say what is wrong in the row that begins here; `is_long` when it spans several lines."""
    if is_long or "end of data" in str(error):
        return (
            'a quotation mark (") is opened in this row and not closed rightly. Within a cell write it twice.'
        )
    if "expected after" in str(error):
        return 'a quotation mark (") stands within a cell. Write it twice, and the cell in quotation marks.'
    return f"{error}."


def _delimiter(first: str) -> str:
    """Return what parts the cells of the first line; spreadsheets of many countries write semicolons."""
    # What stands in quotes is a name, whatever it holds.
    names = re.sub(r'"[^"]*"', "", first)
    return max(DELIMITERS, key=names.count)


def _table(
    path: Path, key: str, wanted: set[str], one: csv_rows.Join | csv_rows.Lookup
) -> dict[str, list[dict[str, str]]]:
    table: dict[str, list[dict[str, str]]] = {}
    checked = False
    for line, header, cells in _csv_lines(path):
        if not checked:
            missing = {key, *wanted} - set(header)
            if missing:
                raise Invalid(
                    {"": [f"{path.name}, line 1: there is no column {', '.join(sorted(missing))}."]}
                )
            if isinstance(one, csv_rows.Join) and (extra := set(header) - wanted - set(one.ignore) - {key}):
                raise Invalid({"": [f"{path.name}, line 1: nobody maps {', '.join(sorted(extra))}."]})
            checked = True
        if len(cells) != len(header):
            raise Invalid({"": [f"{path.name}, line {line}: this row has {len(cells)} cells."]})
        row = dict(zip(header, cells, strict=True))
        table.setdefault(row[key].strip(), []).append({name: row[name] for name in wanted})
    return table


def _json_rows(path: Path) -> Iterator[Row]:
    if path.suffix.casefold() == ".json":
        yield from _json_list(path)
        return
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                try:
                    yield _object(number, orders.loads(line))
                except Invalid as error:
                    yield Row(line=number, data={}, error=error)


def _count_json(path: Path) -> int:
    if path.suffix.casefold() == ".json":
        return sum(1 for _ in _json_list(path))
    count = 0
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                if reason := _why_no_json(line):
                    raise Invalid({"": [f"{path.name}, line {number}: this is {reason}."]})
                count += 1
    return count


def _why_no_json(line: str) -> str | None:
    # In a quarter of the time, for what is in order; the other lets NaN pass, for which the row is refused.
    try:
        msgspec.json.decode(line)
    except (ValueError, RecursionError):
        try:
            json.loads(line)
        except RecursionError:
            return "nested too deep"
        except ValueError as error:
            return f"no JSON: {error}"
    return None


def _json_list(path: Path) -> Iterator[Row]:
    if path.stat().st_size > MAX_JSON_BYTES:
        raise Invalid(
            {"": [f"{path.name} is too large for one list. Write one object a line in a .jsonl file."]}
        )
    read = _loads(path, path.read_bytes())
    if isinstance(read, Mapping):
        read = read.get("items", read.get("consumers"))
    if not isinstance(read, list):
        raise Invalid({"": [f'{path.name} is no list, and has no "items".']})
    for number, item in enumerate(read, 1):
        yield _object(number, item)


def _loads(path: Path, content: bytes) -> Any:
    try:
        return orders.loads(content, max_bytes=MAX_JSON_BYTES)
    except Invalid as error:
        reasons = [reason for many in error.fields.values() for reason in many]
        raise Invalid({"": [f"{path.name}: {' '.join(reasons)}"]}) from None


def _object(number: int, item: Any) -> Row:
    if isinstance(item, Mapping):
        return Row(line=number, data=item)
    return Row(line=number, data={}, error=Invalid({"": ["Write this as an object in { }."]}))


def report_text(lines: Sequence[tuple[int, str, str]]) -> str:
    """Return lines of a report (line, column, reason) as CSV that a spreadsheet opens safely."""
    out = io.StringIO()
    writer = csv.writer(out)
    for line, column, reason in lines:
        writer.writerow([line, csv_rows.formula_safe(column), csv_rows.formula_safe(reason)])
    return out.getvalue()
