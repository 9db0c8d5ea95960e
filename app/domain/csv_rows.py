"""From the columns of a file to the fields of v0, by a documented plan; and cells that are safe to open."""

import csv
import io
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from app.domain.addresses import MAX_LENGTHS
from app.domain.order_kinds import Amount, Integer, ListOf, Record, Spec
from app.domain.order_shape import ORDER
from app.errors import Invalid

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\0", "＝", "＋", "－", "＠")
# What spreadsheets pass over before they look for a formula.
_SKIPPED = "\ufeff \u00a0\u3000\n"
ATTRIBUTES = "extended_attributes"
# More than any export has: a larger header is a table turned over, or no table.
MAX_COLUMNS = 1000
_ADDRESS = ("type", "country_code", "is_default", *MAX_LENGTHS)
_CUSTOMER = ("email", "first_name", "last_name", "phone_number", "country_code", "created_by", "created_at")

# What may stand at the end of a column's path, kind by kind; orders have the shape of v0.
FIELDS: dict[str, frozenset[str]] = {
    "customers": frozenset(
        {*_CUSTOMER, *(f"{kind}_address.{name}" for kind in ("billing", "shipping") for name in _ADDRESS)}
    ),
    "addresses": frozenset({"email", *_ADDRESS}),
    "attributes": frozenset({"email", "name", "value"}),
    "opt-ins": frozenset({"email", "channel", "purpose", "action", "at", "source", "wording", "language"}),
    "employees": frozenset({"email", "first_name", "last_name"}),
}
REQUIRED = {
    "customers": "email",
    "addresses": "email",
    "attributes": "email",
    "opt-ins": "email",
    "employees": "email",
    "orders": "external_order_id",
}
KINDS = tuple(REQUIRED)
_WITH_ATTRIBUTES = frozenset({"customers", "attributes", "orders", "employees"})
_PLAN_KEYS = frozenset({"columns", "constants", "values", "prefixes", "lookups", "joins", "ignore"})


@dataclass(frozen=True, kw_only=True)
class Lookup:
    """Replace a value by what another file says of it: the row whose `key` has it, column `value`."""

    file: str
    key: str
    value: str


@dataclass(frozen=True, kw_only=True)
class Join:
    """Rows of another file that belong to one row of this one, such as the lines of an invoice."""

    file: str
    key: str
    parent: str
    into: str
    columns: Mapping[str, Sequence[str]]
    constants: Mapping[str, str]
    ignore: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Which column becomes which field; without a plan, columns are named as the fields are."""

    columns: Mapping[str, Sequence[str]] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    prefixes: Mapping[str, str] = field(default_factory=dict)
    lookups: Mapping[str, Lookup] = field(default_factory=dict)
    joins: Sequence[Join] = ()
    # In one order: an import knows its file again by the plan's text.
    ignore: tuple[str, ...] = ()

    @property
    def files(self) -> frozenset[str]:
        """The names of the other files that the plan needs."""
        return frozenset({*(join.file for join in self.joins), *(one.file for one in self.lookups.values())})


def read_plan(kind: str, data: Mapping[str, Any]) -> Plan:
    """Return the plan that a mapping file describes. Raises Invalid with what is wrong in it."""
    _only(data, _PLAN_KEYS, "")
    constants = _texts(data.get("constants", {}), "constants")
    columns = _targets(data.get("columns", {}), "columns")
    values = {
        target: _texts(table, f"values.{target}")
        for target, table in _table(data.get("values", {}), "values").items()
    }
    prefixes = _texts(data.get("prefixes", {}), "prefixes")
    lookups = {
        target: _lookup(table, f"lookups.{target}")
        for target, table in _table(data.get("lookups", {}), "lookups").items()
    }
    joins = [
        _join(kind, table, f"joins.{place}")
        for place, table in enumerate(_list(data.get("joins", []), "joins", "tables"), 1)
    ]
    targets = {"columns": [target for many in columns.values() for target in many], "constants": constants}
    for place, named in {**targets, "values": values, "prefixes": prefixes, "lookups": lookups}.items():
        for target in named:
            if not _is_known(kind, target):
                raise _bad(place, f"{target} is no field of {kind}")
    return Plan(
        columns=columns,
        constants=constants,
        values=values,
        prefixes=prefixes,
        lookups=lookups,
        joins=tuple(joins),
        ignore=_names(data.get("ignore", []), "ignore"),
    )


def _bad(place: str, reason: str) -> Invalid:
    return Invalid({"mapping": [f"Mapping, {place}: {reason}."] if place else [f"Mapping: {reason}."]})


def _only(table: Mapping[str, Any], known: frozenset[str], place: str, required: Sequence[str] = ()) -> None:
    if unknown := sorted(set(table) - known):
        raise _bad(place, f"nobody knows {', '.join(unknown)}; there are {', '.join(sorted(known))}")
    if missing := [name for name in required if name not in table]:
        raise _bad(place, f"{', '.join(missing)} is missing")


def _table(value: object, place: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise _bad(place, "write this as a table")
    return value


def _text(value: object, place: str) -> str:
    if not isinstance(value, str):
        raise _bad(place, "write this as text, in quotes")
    return value


def _list(value: object, place: str, what: str) -> Sequence[Any]:
    if not isinstance(value, list):
        raise _bad(place, f"write this as a list of {what}")
    return value


def _texts(value: object, place: str) -> dict[str, str]:
    return {name: _text(one, f"{place}.{name}") for name, one in _table(value, place).items()}


def _names(value: object, place: str) -> tuple[str, ...]:
    return tuple(_text(one, place) for one in _list(value, place, "texts"))


def _targets(value: object, place: str) -> dict[str, Sequence[str]]:
    return {
        column: [
            _text(one, f"{place}.{column}") for one in (target if isinstance(target, list) else [target])
        ]
        for column, target in _table(value, place).items()
    }


def _file(value: object, place: str) -> str:
    name = _text(value, place)
    if not name or not name.isprintable():
        raise _bad(place, "write the name of a file")
    return name


def _lookup(value: object, place: str) -> Lookup:
    table = _table(value, place)
    _only(table, frozenset({"file", "key", "value"}), place, ("file", "key", "value"))
    return Lookup(
        file=_file(table["file"], f"{place}.file"),
        key=_text(table["key"], f"{place}.key"),
        value=_text(table["value"], f"{place}.value"),
    )


def _join(kind: str, value: object, place: str) -> Join:
    table = _table(value, place)
    required = ("file", "key", "parent", "into", "columns")
    _only(table, frozenset({*required, "constants", "ignore"}), place, required)
    join = Join(
        file=_file(table["file"], f"{place}.file"),
        key=_text(table["key"], f"{place}.key"),
        parent=_text(table["parent"], f"{place}.parent"),
        into=_text(table["into"], f"{place}.into"),
        columns=_targets(table["columns"], f"{place}.columns"),
        constants=_texts(table.get("constants", {}), f"{place}.constants"),
        ignore=_names(table.get("ignore", []), f"{place}.ignore"),
    )
    if kind != "orders" or not isinstance(ORDER.fields.get(join.into), ListOf):
        raise _bad(f"{place}.into", f"{join.into} is no list of {kind}")
    for target in [*(one for many in join.columns.values() for one in many), *join.constants]:
        if not _is_known(kind, f"{join.into}.{target}"):
            raise _bad(place, f"{join.into}.{target} is no field of {kind}")
    return join


def check_columns(kind: str, plan: Plan, header: Sequence[str]) -> Plan:
    """Return the plan completed by the columns that are named as their fields.

    Raises Invalid for a column that nobody knows, one that the plan names and the file lacks, one
    that comes twice, and for a file without the field that tells rows apart.
    """
    if len(header) > MAX_COLUMNS:
        raise Invalid(
            {"": [f"Line 1: a file has at most {MAX_COLUMNS} columns, this one has {len(header)}."]}
        )
    wrong = sorted(name for name, number in Counter(header).items() if name and number > 1)
    wrong += [f"column {place} has none" for place, name in enumerate(header, 1) if not name]
    if wrong:
        raise Invalid({"": [f"Line 1: each column needs a name of its own: {', '.join(wrong)}."]})
    missing = sorted(set(plan.columns) - set(header))
    if missing:
        raise Invalid(
            {"": [f"Line 1: these columns of the mapping are not in the file: {', '.join(missing)}."]}
        )
    rest = [name for name in header if name not in plan.columns and name not in plan.ignore]
    unknown = [name for name in rest if not _is_known(kind, name)]
    if unknown:
        raise Invalid(
            {"": [f"Line 1: nobody knows these columns: {', '.join(unknown)}. Map them, or ignore them."]}
        )
    columns = {**plan.columns, **{name: [name] for name in rest}}
    given = [target for many in columns.values() for target in many]
    if named := sorted({*plan.values, *plan.prefixes, *plan.lookups} - set(given)):
        raise _bad("values, prefixes or lookups", f"no column gives {', '.join(named)}")
    _refuse_twice(plan, given)
    if REQUIRED[kind] not in {*given, *plan.constants}:
        raise Invalid({"": [f"Line 1: no column gives {REQUIRED[kind]}."]})
    return Plan(
        columns=columns,
        constants=plan.constants,
        values=plan.values,
        prefixes=plan.prefixes,
        lookups=plan.lookups,
        joins=plan.joins,
        ignore=plan.ignore,
    )


def _refuse_twice(plan: Plan, given: Sequence[str]) -> None:
    """Raise Invalid for a field with two columns: the last would win. A constant may stand behind one."""
    fixed = [name for name in plan.constants if name.startswith(f"{ATTRIBUTES}.")]
    twice = {name for name, number in Counter([*given, *fixed]).items() if number > 1}
    lists = Counter(join.into for join in plan.joins)
    for join in plan.joins:
        names = Counter(target for many in join.columns.values() for target in many)
        twice |= {f"{join.into}.{name}" for name, number in names.items() if number > 1}
        twice |= {name for name in [*given, *plan.constants] if name.partition(".")[0] == join.into}
    twice |= {name for name, number in lists.items() if number > 1}
    if twice:
        raise Invalid({"": [f"Only one column can give a field: {', '.join(sorted(twice))}."]})


def _is_known(kind: str, target: str) -> bool:
    if kind in _WITH_ATTRIBUTES and target.startswith(f"{ATTRIBUTES}.") and len(target) > len(ATTRIBUTES) + 1:
        return True
    return _spec(target) is not None if kind == "orders" else target in FIELDS[kind]


def _spec(path: str) -> Spec | None:
    """Return the kind of value at a path of an order; lists are passed through, attributes are text."""
    spec: Spec | None = ORDER
    parts = path.split(".")
    for place, part in enumerate(parts):
        while isinstance(spec, ListOf):
            spec = spec.item
        if not isinstance(spec, Record):
            return None
        spec = spec.fields.get(part)
        if part == ATTRIBUTES and spec is not None:
            return spec if place == len(parts) - 2 else None
    return None if isinstance(spec, ListOf | Record) else spec


Tables = Mapping[str, Mapping[str, Sequence[Mapping[str, str]]]]


def build(kind: str, plan: Plan, row: Mapping[str, str], tables: Tables) -> dict[str, Any]:
    """Return the nested fields of one row; empty cells are left out, as if the column were not there.

    `tables` gives for each lookup and join (by `table_name`) the rows of its file by key.
    Raises Invalid by column for a value that the plan cannot translate.
    """
    built: dict[str, Any] = {}
    for target, constant in plan.constants.items():
        _set(kind, built, target, target, constant)
    for column, targets in plan.columns.items():
        cell = row.get(column, "").strip()
        if not cell:
            continue
        for target in targets:
            _set(kind, built, target, target, _translate(plan, column, target, cell, tables))
    for join in plan.joins:
        lines = []
        for other in tables[table_name(join)].get(row.get(join.parent, "").strip(), ()):
            line: dict[str, Any] = {}
            for target, constant in join.constants.items():
                _set(kind, line, target, f"{join.into}.{target}", constant)
            for column, targets in join.columns.items():
                cell = other.get(column, "").strip()
                for target in targets if cell else ():
                    _set(kind, line, target, f"{join.into}.{target}", cell)
            lines.append(line)
        built[join.into] = lines
    return built


def table_name(one: Join | Lookup) -> str:
    """Return under which name `build` finds the rows of a join or lookup."""
    return f"{one.file}:{one.key}"


def _translate(plan: Plan, column: str, target: str, cell: str, tables: Tables) -> str:
    if target in plan.lookups:
        lookup = plan.lookups[target]
        rows = tables[table_name(lookup)].get(cell, ())
        if not rows:
            raise Invalid({column: [f"{lookup.file} has no {lookup.key} {cell}."]})
        cell = rows[0].get(lookup.value, "").strip()
    if target in plan.values:
        table = plan.values[target]
        if cell not in table:
            raise Invalid({column: [f"The mapping does not say what {cell} is."]})
        cell = table[cell]
    return plan.prefixes.get(target, "") + cell


def _set(kind: str, built: dict[str, Any], target: str, path: str, cell: str) -> None:
    head, _, name = target.partition(f"{ATTRIBUTES}.")
    place = built
    parts = (head.rstrip(".").split(".") if head else []) if name else target.split(".")[:-1]
    for part in parts:
        place = place.setdefault(part, {})
    if name:
        place.setdefault(ATTRIBUTES, []).append({"name": name, "value": cell})
    else:
        place[target.rpartition(".")[2]] = _typed(cell, path) if kind == "orders" else cell


def _typed(cell: str, path: str) -> Any:
    """Return a cell of an order as the number that its field wants; what is none is refused later."""
    spec = _spec(path)
    try:
        if isinstance(spec, Integer):
            return int(cell)
        if isinstance(spec, Amount):
            return Decimal(cell)
    except (InvalidOperation, ValueError):
        pass
    return cell


def formula_safe(cell: str) -> str:
    r"""Return a cell that no spreadsheet runs as a formula, and that can be written as UTF-8.

    A formula may hide behind a byte order mark or spaces, and in full width; NUL and other controls,
    which a terminal would obey, are written as `\x1b`.
    """
    shown = printable(cell)
    begin = cell.lstrip(_SKIPPED)
    is_formula = cell.startswith(("\t", "\r", "\n", "\0")) or begin.startswith(_FORMULA)
    return f"'{shown}" if is_formula else shown


def printable(text: str) -> str:
    r"""Return the text with controls and lone surrogates written as escapes such as `\x1b`."""
    return "".join(
        ascii(character)[1:-1]
        if unicodedata.category(character) in {"Cc", "Cs"} and character not in "\t\n\r"
        else character
        for character in text
    )


def table_text(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table as CSV (RFC 4180) that a spreadsheet opens safely, accents and all."""
    out = io.StringIO(newline="")
    # The mark by which spreadsheets know UTF-8.
    out.write("\ufeff")
    writer = csv.writer(out)
    writer.writerow([formula_safe(cell) for cell in header])
    for row in rows:
        writer.writerow([formula_safe("" if cell is None else str(cell)) for cell in row])
    return out.getvalue()
