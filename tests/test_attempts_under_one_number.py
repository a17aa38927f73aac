"""The pieces of an agent share the number of their attempt: the end of one that was given up is not another's."""

from __future__ import annotations

import asyncio

from memory_runs import MemoryRun, plan, step

from headgate.plan import Json
from headgate.runtime.attempts import Attempts, Ended
from headgate.runtime.connections import World
from headgate.runtime.performers import Attempt
from headgate.workspace import EMPTY


def test_the_late_end_of_a_piece_that_was_given_up_is_not_taken_for_the_next_one_s() -> None:
    asyncio.run(_two_pieces())


async def _two_pieces() -> None:
    run = MemoryRun(plan(step("work")), None)
    run.settle()
    release, pieces = [asyncio.Event(), asyncio.Event()], iter((0, 1))
    ends: list[Ended] = []

    async def perform(attempt: Attempt, world: World) -> Json:
        del attempt, world
        mine = next(pieces)
        while not release[mine].is_set():
            try:
                await release[mine].wait()
            except asyncio.CancelledError:
                continue  # it does not heed it
        return {"piece": mine}

    world = World(EMPTY)
    attempts = Attempts(lambda _: world, lambda _: None, perform, ends.append, lambda: None)
    attempts.start(run.state, "work", 1)
    await asyncio.sleep(0)
    attempts.cancel(run.state.run_id, "work", 1)
    attempts.start(run.state, "work", 1)
    await asyncio.sleep(0)
    release[0].set()
    for _ in range(5):
        await asyncio.sleep(0)
    told, out = len(ends), len(attempts)
    release[1].set()
    await attempts.settled()
    assert (told, out) == (0, 1)
    assert [end.record.data["result"] for end in ends] == [{"piece": 1}]
    assert len(attempts) == 0
