"""Shards: each ZVM has one owner, whom every replica knows, and a new replica takes only its share."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import DrivenClock

from exporter.app import Exporter
from exporter.config import Config, Zvm
from exporter.config.shards import Shard, owner, shard_of

names = st.lists(st.text(max_size=20), unique=True, max_size=50)


@given(names, st.integers(1, 8))
def test_the_shards_cover_each_zvm_exactly_once(zvms: list[str], total: int) -> None:
    shards = [Shard(ordinal, total) for ordinal in range(total)]
    for zvm in zvms:
        assert sum(shard.owns(zvm) for shard in shards) == 1


@given(names, st.integers(1, 8))
def test_a_new_shard_takes_zvms_and_moves_none_between_the_others(zvms: list[str], total: int) -> None:
    for zvm in zvms:
        assert owner(zvm, total + 1) in {owner(zvm, total), total}


@given(st.integers(0, 10_000))
def test_from_three_to_four_at_most_a_third_moves(first: int) -> None:
    zvms = [f"zvm-{number}" for number in range(first, first + 1000)]
    moved = sum(owner(zvm, 3) != owner(zvm, 4) for zvm in zvms)
    assert 1000 / 6 < moved < 1000 / 3


def test_fifty_zvms_on_three_shards_and_on_four() -> None:
    zvms = [f"zvm-{number:02}.example.com" for number in range(50)]
    parts = [[zvm for zvm in zvms if Shard(ordinal, 3).owns(zvm)] for ordinal in range(3)]
    assert sorted(zvm for part in parts for zvm in part) == zvms
    assert all(parts)
    assert sum(owner(zvm, 3) != owner(zvm, 4) for zvm in zvms) <= 50 / 3


def test_who_owns_what_does_not_change_with_the_release() -> None:
    assert [owner(name, 5) for name in ("nyc", "lon", "fra", "sfo", "zürich", "")] == [0, 1, 1, 0, 1, 1]


@pytest.mark.parametrize(
    ("ordinal", "total", "host", "shard"),
    [
        (None, 1, "zerto-exporter-7", Shard(0, 1)),
        (None, 3, "zerto-exporter-2", Shard(2, 3)),
        (1, 3, "zerto-exporter-2", Shard(1, 3)),
        (0, 1, "anything", Shard(0, 1)),
    ],
)
def test_the_ordinal_is_given_or_that_of_the_pod(ordinal: int | None, total: int, host: str, shard: Shard) -> None:
    assert shard_of(ordinal, total, host) == shard


@pytest.mark.parametrize(
    ("ordinal", "total", "host", "why"),
    [
        (None, 3, "zerto-exporter", "does not tell which this is"),
        (None, 3, "zerto-exporter-3", "expected less than --total-shards, 3, got 3"),
        (3, 3, "x", "expected less than --total-shards, 3, got 3"),
    ],
)
def test_what_is_no_shard_is_refused(ordinal: int | None, total: int, host: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        shard_of(ordinal, total, host)


async def test_an_exporter_polls_only_its_own() -> None:
    zvms = tuple(Zvm(name=f"zvm-{number}", url="https://127.0.0.1:1") for number in range(20))
    polled: list[str] = []
    for ordinal in range(3):
        exporter = Exporter(lambda: Config(zvms), shard=Shard(ordinal, 3), clock=DrivenClock())
        exporter.configure()
        polled += exporter.poller.names()
        page = exporter.telemetry.exposition().decode()
        assert f"zerto_exporter_shard_ordinal {ordinal}.0" in page
        assert "zerto_exporter_total_shards 3.0" in page
        await exporter.poller.stop()
    assert sorted(polled) == sorted(zvm.name for zvm in zvms)
