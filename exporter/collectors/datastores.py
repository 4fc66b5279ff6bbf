"""The datastores of the ZVM's own site, and what of each Zerto uses: GET /v1/datastores."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from msgspec import Struct, field

from exporter.collectors.base import Collector, Fetch, Source
from exporter.collectors.fields import Identifier, Number, Text
from exporter.prometheus.table import BYTES, NONE, Labels, Metric, Table
from exporter.zvm.decode.rows import Decoded, Decoder

PATH: Final = "/v1/datastores"


class Cluster(Struct, frozen=True, gc=False):
    name: Text = field(name="DatastoreClusterName", default=None)


class Config(Struct, frozen=True, gc=False):
    type: Text = field(name="Type", default=None)
    cluster: Cluster | None = field(name="OwningDatastoreCluster", default=None)
    cluster_of_xml: Cluster | None = field(name="OwningCluster", default=None)


class Space(Struct, frozen=True, gc=False):
    """All of a datastore, whoever uses it."""

    capacity: Number = field(name="CapacityInBytes", default=None)
    free: Number = field(name="FreeInBytes", default=None)
    used: Number = field(name="UsedInBytes", default=None)
    provisioned: Number = field(name="ProvisionedInBytes", default=None)


class Share(Struct, frozen=True, gc=False):
    used: Number = field(name="UsedInBytes", default=None)
    provisioned: Number = field(name="ProvisionedInBytes", default=None)


class Shares(Struct, frozen=True, gc=False):
    """What Zerto uses, by what it uses it for."""

    protected: Share | None = field(name="Protected", default=None)
    recovery: Share | None = field(name="Recovery", default=None)
    journal: Share | None = field(name="Journal", default=None)
    scratch: Share | None = field(name="Scratch", default=None)
    appliances: Share | None = field(name="Appliances", default=None)
    unknown: Share | None = field(name="Unknown", default=None)


class Usage(Struct, frozen=True, gc=False):
    space: Space | None = field(name="Datastore", default=None)
    zerto: Shares | None = field(name="Zerto", default=None)


class Stats(Struct, frozen=True, gc=False):
    vras: Number = field(name="NumVRAs", default=None)
    incoming_vms: Number = field(name="NumIncomingVMs", default=None)
    outgoing_vms: Number = field(name="NumOutgoingVMs", default=None)
    availability: Text = field(name="AvailabilityStatus", default=None)
    usage: Usage | None = field(name="Usage", default=None)


class Health(Struct, frozen=True, gc=False):
    status: Text = field(name="Status", default=None)


class Datastore(Struct, frozen=True, gc=False):
    id: Identifier = field(name="DatastoreIdentifier")
    name: Text = field(name="DatastoreName", default=None)
    config: Config | None = field(name="Config", default=None)
    stats: Stats | None = field(name="Stats", default=None)
    health: Health | None = field(name="Health", default=None)


_NO_STATS: Final = Stats()
_NO_CONFIG: Final = Config()
_NO_SPACE: Final = Space()


def space(stats: Stats | None) -> Space:
    """Return what *stats* tell of the space of a datastore, nothing where there are none."""
    usage = (stats or _NO_STATS).usage
    return _NO_SPACE if usage is None else usage.space or _NO_SPACE


def cluster(config: Config | None) -> str:
    """Return the name of the cluster that a datastore of *config* is in, "" without one."""
    config = config or _NO_CONFIG
    found = config.cluster or config.cluster_of_xml
    return "" if found is None else found.name or ""


def availability(stats: Stats | None) -> str:
    """Return whether a datastore of *stats* can be used, "" where that is not told."""
    return (stats or _NO_STATS).availability or ""


def health(told: Health | None) -> str:
    """Return how a datastore is by what is *told*, "" for nothing."""
    return "" if told is None else told.status or ""


LABELS: Labels[Datastore] = {"datastore": lambda one: one.name or "", "datastore_id": lambda one: one.id}

STATE: Labels[Datastore] = {
    "availability": lambda one: availability(one.stats),
    "health": lambda one: health(one.health),
}

TABLE: Table[Datastore] = Table(
    LABELS,
    Metric(
        "zerto_datastore_info",
        "What describes a datastore and seldom changes.",
        "GET /v1/datastores Config",
        NONE,
        lambda _: 1,
        {"type": lambda one: (one.config or _NO_CONFIG).type or "", "cluster": lambda one: cluster(one.config)},
    ),
    Metric(
        "zerto_datastore_state",
        "Whether the datastore can be used, and how it is, by the API's names.",
        "GET /v1/datastores Stats.AvailabilityStatus, Health.Status",
        NONE,
        lambda one: 1 if availability(one.stats) or health(one.health) else None,
        STATE,
    ),
    Metric(
        "zerto_datastore_capacity_bytes",
        "Size of the datastore.",
        "GET /v1/datastores Stats.Usage.Datastore.CapacityInBytes",
        BYTES,
        lambda one: space(one.stats).capacity,
    ),
    Metric(
        "zerto_datastore_free_bytes",
        "What is free of it.",
        "GET /v1/datastores Stats.Usage.Datastore.FreeInBytes",
        BYTES,
        lambda one: space(one.stats).free,
    ),
    Metric(
        "zerto_datastore_used_bytes",
        "What is used of it, by Zerto and by all others.",
        "GET /v1/datastores Stats.Usage.Datastore.UsedInBytes",
        BYTES,
        lambda one: space(one.stats).used,
    ),
    Metric(
        "zerto_datastore_provisioned_bytes",
        "What all that is on it may come to use. It may be more than its size.",
        "GET /v1/datastores Stats.Usage.Datastore.ProvisionedInBytes",
        BYTES,
        lambda one: space(one.stats).provisioned,
    ),
    Metric(
        "zerto_datastore_vras",
        "VRAs on the datastore.",
        "GET /v1/datastores Stats.NumVRAs",
        NONE,
        lambda one: (one.stats or _NO_STATS).vras,
    ),
    Metric(
        "zerto_datastore_incoming_vms",
        "VMs that recover to the datastore.",
        "GET /v1/datastores Stats.NumIncomingVMs",
        NONE,
        lambda one: (one.stats or _NO_STATS).incoming_vms,
    ),
    Metric(
        "zerto_datastore_outgoing_vms",
        "VMs on the datastore that are protected.",
        "GET /v1/datastores Stats.NumOutgoingVMs",
        NONE,
        lambda one: (one.stats or _NO_STATS).outgoing_vms,
    ),
)


class Used(Struct, frozen=True, gc=False):
    """What Zerto uses of a datastore for one purpose."""

    datastore: Datastore
    usage: str
    share: Share


def uses(one: Datastore) -> Iterator[Used]:
    """Yield what Zerto uses of a datastore, by purpose."""
    usage = (one.stats or _NO_STATS).usage
    zerto = None if usage is None else usage.zerto
    for purpose in () if zerto is None else Shares.__struct_fields__:
        share = getattr(zerto, purpose)
        if share is not None:
            yield Used(one, purpose, share)


USES: Table[Used] = Table(
    {
        "datastore": lambda used: used.datastore.name or "",
        "datastore_id": lambda used: used.datastore.id,
        "usage": lambda used: used.usage,
    },
    Metric(
        "zerto_datastore_zerto_used_bytes",
        "What Zerto uses of the datastore, by what for.",
        "GET /v1/datastores Stats.Usage.Zerto UsedInBytes",
        BYTES,
        lambda used: used.share.used,
    ),
    Metric(
        "zerto_datastore_zerto_provisioned_bytes",
        "What Zerto may come to use of the datastore, by what for.",
        "GET /v1/datastores Stats.Usage.Zerto ProvisionedInBytes",
        BYTES,
        lambda used: used.share.provisioned,
    ),
    each=uses,
)

DECODER: Decoder[Datastore] = Decoder(Datastore)


def begin(source: Source) -> Fetch[Datastore]:
    """Return what asks *source* for its datastores."""

    async def fetch() -> Decoded[Datastore]:
        return await source.get(PATH, DECODER)

    return fetch


COLLECTOR: Collector[Datastore] = Collector(
    "datastores", "Datastores", PATH, (TABLE, USES), begin, chosen_by=LABELS, interval=300.0
)
