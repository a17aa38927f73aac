"""A small shop as an MCP server over stdio, for `headgate demo`. Its books are a JSON file, so that they outlive a run.

Prices are whole EUR.

`python -m headgate.demo.server [FILE]`; the file is `shop.json` in the current folder unless said otherwise.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import ToolAnnotations
from pydantic import BaseModel

from headgate import __version__

ORDERS: dict[str, dict[str, Any]] = {
    "A-1042": {
        "customer": "Ann Example",
        "email": "ann@example.com",
        "lines": [
            {"item": "kettle", "quantity": 1, "price": 89},
            {"item": "cup", "quantity": 4, "price": 12},
        ],
    },
    "A-1043": {
        "customer": "Bob Example",
        "email": "bob@example.com",
        "lines": [{"item": "spoon", "quantity": 2, "price": 3}],
    },
}


class Line(BaseModel):
    item: str
    quantity: int
    price: int


class Order(BaseModel):
    id: str
    customer: str
    email: str
    lines: list[Line]
    refunded: int


class Refund(BaseModel):
    id: str
    order: str
    amount: int


class Sent(BaseModel):
    id: str
    to: str


class Shop:
    """The shop's books: orders are fixed, refunds and e-mails are added to the file."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def order(self, name: str) -> Order:
        found = ORDERS.get(name)
        if found is None:
            known = ", ".join(sorted(ORDERS))
            raise ToolError(f"there is no order `{name}`; there are {known}")
        refunded = sum(one["amount"] for one in self._books()["refunds"].values() if one["order"] == name)
        return Order(id=name, refunded=refunded, **found)

    def refund(self, order: str, amount: int, key: str) -> Refund:
        """The refund made under this key before, or a new one."""
        books = self._books()
        known = books["refunds"].get(key)
        if known is None:
            of = self.order(order)
            left = sum(line.quantity * line.price for line in of.lines) - of.refunded
            if not 0 < amount <= left:
                raise ToolError(f"order `{order}` has {left} EUR left to refund, not {amount}")
            known = {"id": f"R-{len(books['refunds']) + 1}", "order": order, "amount": amount}
            books["refunds"][key] = known
            self._write(books)
        return Refund(**known)

    def send(self, to: str, subject: str, body: str) -> Sent:
        books = self._books()
        name = f"M-{len(books['emails']) + 1}"
        books["emails"].append({"id": name, "to": to, "subject": subject, "body": body})
        self._write(books)
        return Sent(id=name, to=to)

    def _books(self) -> dict[str, Any]:
        try:
            books: dict[str, Any] = json.loads(self._file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {"refunds": {}, "emails": []}
        return books

    def _write(self, books: dict[str, Any]) -> None:
        beside = self._file.with_suffix(".new")
        beside.write_text(json.dumps(books, indent=2) + "\n", encoding="utf-8")
        beside.replace(self._file)


def build(file: Path) -> MCPServer[Any]:
    """The server of the shop whose books are in this file."""
    shop = Shop(file)
    server: MCPServer[Any] = MCPServer("shop", version=__version__)

    @server.tool(annotations=ToolAnnotations(read_only_hint=True, open_world_hint=False))
    def get_order(order: str) -> Order:
        """Looks an order up."""
        return shop.order(order)

    @server.tool(
        annotations=ToolAnnotations(
            read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=False
        )
    )
    def create_refund(order: str, amount: int, key: str) -> Refund:
        """Pays money back. The same key pays once."""
        return shop.refund(order, amount, key)

    @server.tool(annotations=ToolAnnotations(read_only_hint=False, destructive_hint=False, open_world_hint=True))
    def send_email(to: str, subject: str, body: str) -> Sent:
        """Writes to a customer. Here the e-mail ends in the shop's file."""
        return shop.send(to, subject, body)

    return server


def main() -> None:
    file = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("SHOP_FILE", "shop.json")
    build(Path(file)).run("stdio")


if __name__ == "__main__":
    main()
