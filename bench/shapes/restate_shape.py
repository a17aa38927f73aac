"""Restate's side of `bench/running.py`: its server, and this process as the worker; both on loopback.

`RESTATE_SERVER` is the server's binary. Its store is its log and its RocksDB, which `bytes` adds up.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import httpx
import hypercorn.asyncio
import hypercorn.config
import restate

ITEMS = 1000
RUNS, STEPS_A_RUN = 500, 5
ONES = 100
AT_ONCE = 50
INGRESS, ADMIN, WORKER = 18080, 19070, 19080
PATIENCE = 60.0

bench = restate.Service("bench")


def noop(value: int) -> int:
    return value


@bench.handler()
async def chain(context: restate.Context, steps: int) -> int:
    value = 0
    for n in range(steps):
        value = await context.run_typed(f"s{n}", noop, value=value)
    return value


@bench.handler()
async def fan(context: restate.Context, items: int) -> int:
    return len(await restate.gather(*(context.run_typed(f"s{n}", noop, value=n) for n in range(items))))


def serve(folder: Path) -> subprocess.Popen[bytes]:
    environment = {
        **os.environ,
        "RESTATE_BASE_DIR": str(folder / "restate"),
        "RESTATE_NODE_NAME": "bench",
        "RESTATE_INGRESS__BIND_ADDRESS": f"127.0.0.1:{INGRESS}",
        "RESTATE_ADMIN__BIND_ADDRESS": f"127.0.0.1:{ADMIN}",
        "RESTATE_BIND_ADDRESS": "127.0.0.1:15122",
        "RESTATE_ADVERTISED_ADDRESS": "http://127.0.0.1:15122",
        "RESTATE_DISABLE_TELEMETRY": "1",
        "DO_NOT_TRACK": "1",
        "RESTATE_LOG_FILTER": "error",
    }
    log = (folder / "restate.log").open("wb")
    return subprocess.Popen([os.environ["RESTATE_SERVER"]], env=environment, stdout=log, stderr=log)


async def register(client: httpx.AsyncClient) -> None:
    """Waits until the server is there, and tells it of this worker."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            answer = await client.post(
                f"http://127.0.0.1:{ADMIN}/deployments", json={"uri": f"http://127.0.0.1:{WORKER}"}
            )
            if answer.is_success:
                return
            reason = answer.text
        except httpx.TransportError as error:
            reason = repr(error)
        if time.monotonic() > until:
            raise RuntimeError(f"restate did not take the worker: {reason}")
        await asyncio.sleep(0.02)


async def call(client: httpx.AsyncClient, handler: str, given: int) -> None:
    until = time.monotonic() + PATIENCE
    while True:
        answer = await client.post(f"http://127.0.0.1:{INGRESS}/bench/{handler}", json=given)
        if answer.status_code == 404 and time.monotonic() < until:  # the registration has not reached the ingress yet
            await asyncio.sleep(0.02)
            continue
        answer.raise_for_status()
        return


async def run(shape: str, client: httpx.AsyncClient) -> tuple[float, int]:
    if shape == "cold":
        await call(client, "chain", 1)
        return 0.0, 1
    await call(client, "chain", 1)  # routes are warm
    if shape == "one":
        found = []
        for _ in range(ONES):
            started = time.perf_counter()
            await call(client, "chain", 1)
            found.append(time.perf_counter() - started)
        return statistics.median(found), 1
    started = time.perf_counter()
    if shape == "many":
        gate = asyncio.Semaphore(AT_ONCE)

        async def one() -> None:
            async with gate:
                await call(client, "chain", STEPS_A_RUN)

        await asyncio.gather(*(one() for _ in range(RUNS)))
        return time.perf_counter() - started, RUNS * STEPS_A_RUN
    await call(client, shape, ITEMS)
    return time.perf_counter() - started, ITEMS


def stored_bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in (folder / "restate").rglob("*") if file.is_file())


async def work(shape: str, folder: Path) -> None:
    server = serve(folder)
    settings = hypercorn.config.Config()
    settings.bind = [f"127.0.0.1:{WORKER}"]
    settings.accesslog = settings.errorlog = None
    done = asyncio.Event()
    worker = asyncio.create_task(hypercorn.asyncio.serve(restate.app([bench]), settings, shutdown_trigger=done.wait))
    try:
        async with httpx.AsyncClient(timeout=PATIENCE * 2) as client:
            await register(client)
            empty = stored_bytes(folder)
            seconds, steps = await run(shape, client)
    finally:
        server.terminate()
        server.wait(20)
        done.set()
        await asyncio.wait([worker], timeout=5)
    print(json.dumps({"seconds": seconds, "steps": steps, "bytes": stored_bytes(folder) - empty}))


if __name__ == "__main__":
    asyncio.run(work(sys.argv[1], Path(sys.argv[2])))
