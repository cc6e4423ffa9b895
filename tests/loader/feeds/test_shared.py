"""Feeds that other machines map: from the file, or from a copy that came in parts."""

from pathlib import Path

import numpy as np
import pytest

from loader.errors import MissingFeedError
from loader.feeds import shared
from loader.feeds.feed import BARE, Feed
from loader.feeds.shared import SharedFeed


@pytest.fixture
def feed() -> Feed:
    numbers = np.arange(17_275_550_000, 17_275_550_100, dtype=np.uint64)
    listed = np.concatenate([numbers, np.array([7_275_550_000], dtype=np.uint64) | BARE])
    return Feed.of(listed, name="f", path=Path("f.csv"), age=1, areas=frozenset({"1727"}))


def folders(tmp_path: Path) -> tuple[Path, Path]:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    return here, there


def same(one: Feed, other: Feed) -> bool:
    numbers = np.array_equal(one.numbers, other.numbers) and np.array_equal(one.bare, other.bare)
    return numbers and one.areas == other.areas


def test_a_file_that_is_seen_is_mapped(feed: Feed, tmp_path: Path) -> None:
    here, there = folders(tmp_path)
    sent = SharedFeed.of(feed, here)
    assert not sent.feed.numbers.size
    assert sent.is_in(there)
    assert same(sent.opened(there), feed)


def parts_of(sent: SharedFeed, size: int) -> list[tuple[int, bytes]]:
    content = sent.path.read_bytes()
    return [(begin, content[begin : begin + size]) for begin in range(0, len(content), size)]


def test_another_machine_gets_a_copy(feed: Feed, tmp_path: Path) -> None:
    here, there = folders(tmp_path)
    sent = SharedFeed.of(feed, here)
    parts = parts_of(sent, 300)
    sent.path.unlink()
    with pytest.raises(MissingFeedError, match="feed f"):
        sent.opened(there)
    for offset, part in [parts[0], *parts]:
        assert not sent.is_in(there)
        sent.take_part(there, offset, part)
    sent.take_part(there, *parts[0])
    assert same(sent.opened(there), feed)
    sent.drop(there)
    assert not [*there.iterdir()]


def test_a_copy_that_lacks_a_part_is_none(feed: Feed, tmp_path: Path) -> None:
    here, there = folders(tmp_path)
    sent = SharedFeed.of(feed, here)
    parts = parts_of(sent, 300)
    sent.path.unlink()
    for offset, part in parts[1:]:
        sent.take_part(there, offset, part)
    assert not sent.is_in(there)
    assert not [*there.iterdir()]


def test_another_file_of_that_name_is_not_used(feed: Feed, tmp_path: Path) -> None:
    here, there = folders(tmp_path)
    sent = SharedFeed.of(feed, here)
    sent.path.write_bytes(bytes(sent.size))
    assert not sent.is_in(there)


def test_a_feed_of_areas_needs_no_file(tmp_path: Path) -> None:
    here, there = folders(tmp_path)
    areas = Feed.of(shared.NOTHING, name="f", path=Path("f"), age=1, areas=frozenset({"1727"}))
    sent = SharedFeed.of(areas, here)
    sent.path.unlink()
    assert sent.opened(there).areas == {"1727"}
