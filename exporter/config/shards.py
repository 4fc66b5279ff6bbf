"""Which replica polls which ZVM: rendezvous hashing on the name, so that a new replica takes only its share.

Replicas need no talk: each computes the same owner for a name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import blake2b


@dataclass(frozen=True)
class Shard:
    """The part of one replica: *ordinal* of *total*, counted from 0."""

    ordinal: int = 0
    total: int = 1

    def owns(self, name: str) -> bool:
        """Tell whether the ZVM *name* is this replica's."""
        return owner(name, self.total) == self.ordinal


def owner(name: str, total: int) -> int:
    """Return which of *total* replicas polls the ZVM *name*: the one that weighs most for it."""
    return max(range(total), key=lambda ordinal: _weight(name, ordinal))


def shard_of(ordinal: int | None, total: int, host: str) -> Shard:
    """Return the shard *ordinal* of *total*; without an ordinal, the number at the end of *host*.

    The host name of a pod of a StatefulSet ends so: `zerto-exporter-2`.

    Raises:
        ValueError: there is no ordinal, or it is not below *total*.
    """
    if ordinal is None:
        match = re.search(r"-([0-9]+)$", host)
        if total == 1:
            return Shard()
        if match is None:
            raise ValueError(f"missing; of {total} shards, the host name {host!r} does not tell which this is")
        ordinal = int(match[1])
    if ordinal >= total:
        raise ValueError(f"expected less than --total-shards, {total}, got {ordinal}")
    return Shard(ordinal, total)


def _weight(name: str, ordinal: int) -> bytes:
    return blake2b(f"{ordinal}/{name}".encode(), digest_size=8).digest()
