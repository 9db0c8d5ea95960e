"""The Chinook sample: real input that was not made for this product, compared cell by cell."""

import csv
import tomllib
import unicodedata
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import func, select

from app.cli.imports import import_group
from app.domain import orders
from app.models import Address, Associate, AuditEntry, Customer, ExtendedAttribute, Order
from tests import factories

DATA = Path(__file__).parent.parent / "data" / "chinook"
MAPPINGS = Path(__file__).parents[2] / "docs" / "mappings" / "chinook"


def rows(name):
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return [
            {column: unicodedata.normalize("NFC", cell.strip()) for column, cell in row.items()}
            for row in csv.DictReader(file)
        ]


def run(*arguments):
    result = CliRunner().invoke(import_group, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result.output


def run_all():
    outputs = []
    for kind, name in (("employees", "Employee"), ("customers", "Customer"), ("orders", "Invoice")):
        mapping = MAPPINGS / f"{kind}.toml"
        outputs.append(run(kind, DATA / f"{name}.csv", "--store", "Chinook", "--mapping", mapping))
    return outputs


@pytest.fixture
def imported(session, database_url, tmp_path, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    factories.make_store(session, name="Chinook", country_code="CA", currency="USD")
    return run_all()


def test_every_cell_of_the_employees_is_readable(session, imported):
    expected = {row["Email"]: row for row in rows("Employee.csv")}
    associates = session.scalars(select(Associate)).all()
    assert {associate.email for associate in associates} == set(expected)
    columns = tomllib.loads((MAPPINGS / "employees.toml").read_text())["columns"]
    for associate in associates:
        row = expected[associate.email]
        assert (associate.first_name, associate.last_name) == (row["FirstName"], row["LastName"])
        assert (associate.role, associate.is_active, associate.password_hash) == ("associate", False, None)
        entry = session.scalars(select(AuditEntry).where(AuditEntry.subject_id == str(associate.id))).one()
        for column, target in columns.items():
            if target.startswith("extended_attributes."):
                name = target.partition(".")[2]
                assert (entry.changes.get(name) or [None, ""])[1] == row[column]


def test_every_cell_of_the_customers_is_readable(session, imported):
    expected = rows("Customer.csv")
    names = tomllib.loads((MAPPINGS / "customers.toml").read_text())["values"]["country_code"]
    employees = {row["EmployeeId"]: row["Email"] for row in rows("Employee.csv")}
    assert session.scalar(select(func.count()).select_from(Customer)) == len(expected) == 59
    for row in expected:
        customer = session.scalars(select(Customer).where(Customer.email == row["Email"])).one()
        address = session.scalars(select(Address).where(Address.customer_id == customer.id)).one()
        kept = dict(
            list(
                session.execute(
                    select(ExtendedAttribute.name, ExtendedAttribute.value).where(
                        ExtendedAttribute.customer_id == customer.id
                    )
                )
            )
        )
        back = {
            "CustomerId": kept["chinook_customer_id"],
            "FirstName": customer.first_name,
            "LastName": customer.last_name,
            "Company": address.company,
            "Address": address.address_1,
            "City": address.city,
            "State": address.state,
            "Country": kept["chinook_country"],
            "PostalCode": address.zip_code,
            "Phone": customer.phone_number,
            "Fax": kept.get("fax", ""),
            "Email": customer.email,
            "SupportRepId": kept["chinook_support_rep_id"],
        }
        assert back == row
        assert customer.country_code == address.country_code == names[row["Country"]]
        assert (address.type, address.is_default) == ("billing", True)
        assert session.get(Associate, customer.created_by_id).email == employees[row["SupportRepId"]]


def test_every_cell_of_the_invoices_is_readable(session, imported):
    invoices, lines = rows("Invoice.csv"), rows("InvoiceLine.csv")
    emails = {row["CustomerId"]: row["Email"] for row in rows("Customer.csv")}
    assert session.scalar(select(func.count()).select_from(Order)) == len(invoices) == 412
    counted = 0
    for row in invoices:
        order = session.scalars(
            select(Order).where(Order.external_order_id == f"CHINOOK-{row['InvoiceId']}")
        ).one()
        document = orders.loads(order.document)
        billing = document["billing_address"]
        back = {
            "InvoiceId": document["order_id"],
            "CustomerId": document["external_customer_id"],
            "InvoiceDate": document["created_at"],
            "BillingAddress": billing["address_line_1"],
            "BillingCity": billing["city"],
            "BillingState": billing.get("state", ""),
            "BillingCountry": document["extended_attributes"][0]["value"],
            "BillingPostalCode": billing.get("zip_code", ""),
            "Total": str(document["totals"]["grand_total"]),
        }
        assert back == row
        assert order.grand_total_minor == Decimal(row["Total"]) * 100
        assert session.get(Customer, order.customer_id).email == emails[row["CustomerId"]]
        items = [
            {
                "InvoiceLineId": item["extended_attributes"][0]["value"],
                "InvoiceId": row["InvoiceId"],
                "TrackId": item["id"],
                "TrackName": item["name"],
                "Genre": item["category"],
                "UnitPrice": str(item["price"]["gross"]),
                "Quantity": str(item["quantity"]),
            }
            for item in document["ordered_products"]
        ]
        assert items == [line for line in lines if line["InvoiceId"] == row["InvoiceId"]]
        counted += len(items)
    assert counted == len(lines) == 2240
    totals = list(session.execute(select(Customer.id, Customer.order_count)))
    assert sum(count for _, count in totals) == 412


def test_importing_again_changes_nothing(session, imported):
    before = session.scalar(select(func.count()).select_from(AuditEntry))
    # Ends the read transaction, which would go on seeing the old rows.
    session.rollback()
    outputs = run_all()
    assert "0 created, 0 updated, 8 unchanged, 0 refused." in outputs[0]
    assert "0 created, 0 updated, 59 unchanged, 0 refused." in outputs[1]
    assert "0 created, 0 updated, 412 unchanged, 0 refused." in outputs[2]
    # Only the three imports themselves are new in the log.
    assert session.scalar(select(func.count()).select_from(AuditEntry)) == before + 3
