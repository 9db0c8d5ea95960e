"""Build 100,000 customers with 300,000 orders as files, import them, and report time and memory.

Usage: python -m bench.import [customers] [postgresql://…]; a PostgreSQL database must be empty.
"""  # noqa: N999

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from app import schema
from app.db import make_engine

ROOT = Path(__file__).parents[1]
ORDERS_EACH = 3


def write_files(folder: Path, count: int) -> tuple[Path, Path]:
    customers, orders = folder / "customers.csv", folder / "orders.jsonl"
    with customers.open("w", encoding="utf-8") as file:
        file.write(
            "email,first_name,last_name,phone_number,country_code,shipping_address.address_1,"
            "shipping_address.zip_code,shipping_address.city,shipping_address.country_code,"
            "extended_attributes.shirt_fit\n"
        )
        for number in range(count):
            file.write(
                f"zoe.lefevre{number}@mail.example,Zoë,Lefèvre{number % 997},06 39 98 {number % 10000:04d},FR,"
                f"{number % 180} rue de Bretagne,75003,Paris,FR,slim\n"
            )
    with orders.open("w", encoding="utf-8") as file:
        for number in range(count):
            for one in range(ORDERS_EACH):
                item = {
                    "id": f"P{one}", "name": "Oxford shirt", "image": "/static/products/shirt.svg", "quantity": 1,
                    "price": {"gross": 79.5, "adjusted_total": 79.5, "currency": "EUR"}, "category": "Shirts",
                    "variation_size_value": "M",
                }  # fmt: skip
                document = {
                    "external_order_id": f"WEB-{number}-{one}",
                    "created_at": f"2025-0{one + 1}-11T10:00:00Z",
                    "status_label": "completed",
                    "billing_address": {"email": f"zoe.lefevre{number}@mail.example", "last_name": "Lefèvre"},
                    "payments": [{"method": "Visa", "credit_card_number": "4242", "currency": "EUR"}],
                    "totals": {"merchandise_total": 159, "grand_total": 159, "currency": "EUR"},
                    "ordered_products": [item, item],
                    "channel_type": "web",
                }
                file.write(json.dumps(document, ensure_ascii=False) + "\n")
    return customers, orders


def run(kind: str, path: Path, environment: dict[str, str]) -> tuple[float, float, int]:
    code = "from app.cli.imports import import_group as run; run()"
    started = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-c", code, kind, str(path), "--store", "Bench"],
        cwd=ROOT, env=environment, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"import {kind} ended with {os.waitstatus_to_exitcode(status)}")
    used = usage.ru_utime + usage.ru_stime
    return time.monotonic() - started, used, usage.ru_maxrss // 1024


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = write_files(folder, count)
        for url in [f"sqlite:///{folder / 'bench.db'}", *sys.argv[2:]]:
            engine = make_engine(url, bulk=True)
            schema.upgrade(engine)
            with engine.begin() as connection:
                connection.exec_driver_sql(
                    "INSERT INTO store (id, name, country_code, currency, time_zone, is_active, created_at,"
                    " updated_at, revision) VALUES ('00000000000000000000000000000001', 'Bench', 'FR', 'EUR',"
                    " 'Europe/Paris', true, '2026-01-01 00:00:00', '2026-01-01 00:00:00', 1)"
                )
            engine.dispose()
            environment = {**os.environ, "DATABASE_URL": url, "DATA_DIR": name, "PYTHONPATH": str(ROOT)}
            total = 0.0
            for kind, path, rows in zip(
                ("customers", "orders"), files, (count, count * ORDERS_EACH), strict=True
            ):
                seconds, used, megabytes = run(kind, path, environment)
                total += seconds
                rate = rows / seconds
                print(
                    f"{url.partition(':')[0]:<20} {kind:<10} {rows:>8} rows {seconds:7.1f} s ({used:.1f} s CPU)"
                    f" {rate:6.0f} rows/s {megabytes:5} MB",
                    flush=True,
                )
            print(f"{url.partition(':')[0]:<20} together {total:6.1f} s", flush=True)


if __name__ == "__main__":
    main()
