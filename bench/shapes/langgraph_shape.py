"""LangGraph's side of `bench/running.py`: its SQLite saver in WAL with full syncs, `durability="sync"`."""

from __future__ import annotations

import json
import operator
import sqlite3
import statistics
import sys
import time
from pathlib import Path
from typing import Annotated, Any, TypedDict

from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Send
from store_size import stored_bytes

ITEMS = 1000
RUNS, STEPS_A_RUN = 500, 5
ONES = 100
STORE = "langgraph.db"


class Counted(TypedDict):
    value: int


class Spread(TypedDict):
    items: list[int]
    results: Annotated[list[int], operator.add]


def noop(state: Counted) -> Counted:
    return {"value": state["value"] + 1}


def loop(steps: int) -> StateGraph[Any, Any, Any, Any]:
    """One node that runs `steps` times: faster than as many nodes."""
    graph = StateGraph(Counted)
    graph.add_node("noop", noop)
    graph.add_edge(START, "noop")
    graph.add_conditional_edges("noop", lambda state: "noop" if state["value"] < steps else END, ["noop", END])
    return graph


def fan() -> StateGraph[Any, Any, Any, Any]:
    graph = StateGraph(Spread)
    graph.add_node("one", lambda item: {"results": [item]})
    graph.add_conditional_edges(START, lambda state: [Send("one", item) for item in state["items"]], ["one"])
    graph.add_edge("one", END)
    return graph


def saver(folder: Path) -> SqliteSaver:
    connection = sqlite3.connect(folder / STORE, check_same_thread=False)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    made = SqliteSaver(connection)
    made.setup()
    return made


def invoke(app: Any, thread: str, given: dict[str, Any]) -> None:
    settings = {"configurable": {"thread_id": thread}, "recursion_limit": ITEMS + 10}
    app.invoke(given, settings, durability="sync")


def run(shape: str, folder: Path) -> tuple[float, int]:
    """Seconds and steps; the graph is compiled before."""
    graph = fan() if shape == "fan" else loop({"chain": ITEMS, "many": STEPS_A_RUN, "one": 1}[shape])
    app = graph.compile(checkpointer=saver(folder))
    if shape == "one":
        found = []
        for n in range(ONES):
            started = time.perf_counter()
            invoke(app, f"{n}", {"value": 0})
            found.append(time.perf_counter() - started)
        return statistics.median(found), 1
    started = time.perf_counter()
    if shape == "fan":
        invoke(app, "fan", {"items": list(range(ITEMS)), "results": []})
    elif shape == "chain":
        invoke(app, "chain", {"value": 0})
    else:
        for n in range(RUNS):
            invoke(app, f"{n}", {"value": 0})
    steps = RUNS * STEPS_A_RUN if shape == "many" else ITEMS
    return time.perf_counter() - started, steps


def main() -> None:
    shape, folder = sys.argv[1], Path(sys.argv[2])
    if shape == "cold":
        loop(1).compile(checkpointer=saver(folder)).invoke(
            {"value": 0}, {"configurable": {"thread_id": "cold"}}, durability="sync"
        )
        return
    saver(folder).conn.close()
    empty = stored_bytes(folder / STORE)
    seconds, steps = run(shape, folder)
    print(json.dumps({"seconds": seconds, "steps": steps, "bytes": stored_bytes(folder / STORE) - empty}))


if __name__ == "__main__":
    main()
