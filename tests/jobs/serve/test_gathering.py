"""Calls that are gathered: in order, bounded, and none is lost."""

import asyncio
import threading
from collections.abc import Sequence

import pytest

from jobs.serve.gathering import Gathering, QueueFullError, StoppedError


class Work:
    """Notes the groups that it is given; it can be held up."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        self.has_begun = threading.Event()

    def __call__(self, calls: Sequence[int]) -> list[int]:
        self.groups.append([*calls])
        self.has_begun.set()
        self.may_go_on.wait(30)
        if -1 in calls:
            raise RuntimeError("wrong call")
        return [2 * call for call in calls]


def gathering(work: Work, *, room: int = 100, most: int = 10) -> Gathering[int, int]:
    return Gathering(work, seconds=0.001, most=most, room=room)


async def begun(work: Work) -> None:
    await asyncio.to_thread(work.has_begun.wait, 30)


def test_calls_that_come_meanwhile_are_one_group_in_their_order() -> None:
    work = Work()
    work.may_go_on.clear()

    async def calls(its: Gathering[int, int]) -> list[int]:
        first = asyncio.create_task(its.ask(0))
        await begun(work)
        others = [asyncio.create_task(its.ask(number)) for number in range(1, 8)]
        await asyncio.sleep(0)
        work.may_go_on.set()
        return [await first, *[await each for each in others]]

    with gathering(work) as its:
        assert asyncio.run(calls(its)) == [0, 2, 4, 6, 8, 10, 12, 14]
    assert work.groups == [[0], [1, 2, 3, 4, 5, 6, 7]]


def test_those_that_were_answered_stay_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.serve.gathering.PATIENCE", 1e6)
    work = Work()
    work.may_go_on.clear()

    async def calls(its: Gathering[int, int]) -> None:
        first = asyncio.create_task(its.ask(0))
        await begun(work)
        others = [asyncio.create_task(its.ask(number)) for number in range(1, 5)]
        await asyncio.sleep(0)
        work.may_go_on.set()
        await first
        await asyncio.sleep(0.05)  # one that does not wait begins with the others
        await asyncio.gather(its.ask(5), *others)

    with gathering(work) as its:
        asyncio.run(calls(its))
    assert work.groups == [[0], [1, 2, 3, 4, 5]]


def test_nobody_waits_long_for_one_that_does_not_call_again() -> None:
    work = Work()

    async def calls(its: Gathering[int, int]) -> list[int]:
        return [*await asyncio.gather(*map(its.ask, range(5))), await its.ask(5)]

    with gathering(work) as its:
        assert asyncio.run(calls(its)) == [0, 2, 4, 6, 8, 10]


def test_a_group_is_bounded() -> None:
    work = Work()
    work.may_go_on.clear()

    async def calls(its: Gathering[int, int]) -> None:
        first = asyncio.create_task(its.ask(0))
        await begun(work)
        others = [asyncio.create_task(its.ask(number)) for number in range(1, 25)]
        await asyncio.sleep(0)
        work.may_go_on.set()
        await asyncio.gather(first, *others)

    with gathering(work) as its:
        asyncio.run(calls(its))
    assert [len(group) for group in work.groups] == [1, 10, 10, 4]


def test_who_comes_when_there_is_no_room_is_turned_away() -> None:
    work = Work()
    work.may_go_on.clear()

    async def calls(its: Gathering[int, int]) -> None:
        first = asyncio.create_task(its.ask(0))
        await begun(work)
        others = [asyncio.create_task(its.ask(number)) for number in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(QueueFullError):
            await its.ask(4)
        work.may_go_on.set()
        await asyncio.gather(first, *others)

    with gathering(work, room=3) as its:
        asyncio.run(calls(its))


def test_what_was_taken_is_done_at_the_end_and_nothing_is_taken_any_more() -> None:
    work = Work()
    work.may_go_on.clear()

    async def calls() -> None:
        its = gathering(work)
        its.__enter__()
        first = asyncio.create_task(its.ask(1))
        await begun(work)
        waiting = asyncio.create_task(its.ask(2))
        await asyncio.sleep(0)
        ended = asyncio.create_task(asyncio.to_thread(its.__exit__))
        work.may_go_on.set()
        assert [await first, await waiting] == [2, 4]
        await ended
        with pytest.raises(StoppedError):
            await its.ask(3)

    asyncio.run(calls())


def test_an_error_reaches_those_who_wait_and_the_work_goes_on() -> None:
    async def calls(its: Gathering[int, int]) -> int:
        with pytest.raises(RuntimeError, match="wrong call"):
            await its.ask(-1)
        return await its.ask(5)

    with gathering(Work()) as its:
        assert asyncio.run(calls(its)) == 10


def test_who_goes_away_gets_the_work_done_all_the_same() -> None:
    work = Work()
    work.may_go_on.clear()

    async def calls(its: Gathering[int, int]) -> int:
        first = asyncio.create_task(its.ask(1))
        await begun(work)
        gone = asyncio.create_task(its.ask(2))
        await asyncio.sleep(0)
        gone.cancel()
        work.may_go_on.set()
        await first
        return await its.ask(3)

    with gathering(work) as its:
        assert asyncio.run(calls(its)) == 6
    assert 2 in [call for group in work.groups for call in group]
