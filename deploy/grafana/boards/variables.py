"""The variables: what a reader can narrow a dashboard to."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models import dashboard

from boards.parts import DATASOURCE, Variable
from boards.promql import of_zvms, series

_ALL: Final = dashboard.VariableOption(selected=True, text="All", value="$__all")
_INFO: Final = '__name__=~"zerto_vpg_info|zerto_vm_info"'
_OF_VPG: Final = 'vpg=~"$vpg"'
_OF_VM: Final = 'vm=~"$vm"'
_OF_ORGANIZATION: Final = 'organization=~"$organization"'


def _values(name: str, label: str, about: str, query: str, all_value: str | None = None) -> builders.QueryVariable:
    made = (
        builders.QueryVariable(name)
        .label(label)
        .description(about)
        .datasource(DATASOURCE)
        .query(query)
        .refresh(dashboard.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(dashboard.VariableSort.ALPHABETICAL_CASE_INSENSITIVE_ASC)
        .multi(True)
    )
    return made if all_value is None else made.include_all(True).all_value(all_value).current(_ALL)


def _choice(name: str, label: str, about: str, options: dict[str, str], chosen: str) -> Variable:
    made = (
        builders.CustomVariable(name)
        .label(label)
        .description(about)
        .values(", ".join(f"{text} : {value}" for text, value in options.items()))
        .options(
            [
                dashboard.VariableOption(selected=text == chosen, text=text, value=value)
                for text, value in options.items()
            ]
        )
        .current(dashboard.VariableOption(selected=True, text=chosen, value=options[chosen]))
    )
    return Variable(name, made)


SOURCE: Final = Variable(
    "datasource",
    builders.DatasourceVariable("datasource")
    .label("Data source")
    .description("The Prometheus that scrapes the exporter.")
    .type("prometheus"),
)
# No value of its own for All: it is to stand for the exporter's jobs, not for every job of that Prometheus.
JOB: Final = Variable(
    "job",
    _values(
        "job",
        "Job",
        "Scrape jobs of the exporter.",
        'label_values({__name__=~"zerto_up|zerto_exporter_build_info"}, job)',
    )
    .include_all(True)
    .current(_ALL),
)
INSTANCE: Final = Variable(
    "instance",
    _values(
        "instance",
        "Instance",
        "Which exporter, where there are several.",
        f"label_values({series('zerto_exporter_build_info')}, instance)",
        ".+",
    ),
)
ZVM: Final = Variable(
    "zvm",
    _values(
        "zvm",
        "ZVM",
        "ZVMs by their name in the exporter's configuration.",
        f"label_values({series('zerto_up')}, zvm)",
        ".+",
    ),
)
ORGANIZATION: Final = Variable(
    "organization",
    _values(
        "organization",
        "Organization",
        "Tenants (ZORGs). All holds also what belongs to none.",
        f"label_values({of_zvms('', _INFO)}, organization)",
        ".*",
    ),
)


def _vpg() -> builders.QueryVariable:
    query = f"label_values({of_zvms('', _INFO, _OF_ORGANIZATION)}, vpg)"
    return _values("vpg", "VPG", "Protection groups by name.", query)


VPG: Final = Variable("vpg", _vpg().include_all(True).all_value(".+").current(_ALL))
A_VPG: Final = Variable("vpg", _vpg())
A_VM: Final = Variable(
    "vm",
    _values(
        "vm",
        "VM",
        "VMs by name.",
        f"label_values({of_zvms('zerto_vm_info', _OF_ORGANIZATION, _OF_VPG)}, vm)",
    ),
)


def _identity(name: str, about: str, query: str) -> Variable:
    """Return the variable of an id, which links fill and nobody sees: where the name is chosen anew, all have it."""
    made = _values(name, name, about, query, ".+").hide(dashboard.VariableHide.HIDE_VARIABLE)
    return Variable(name, made)


VPG_ID: Final = _identity(
    "vpg_id",
    "Tells VPGs of the same name apart. A link fills it.",
    f"label_values({of_zvms('zerto_vpg_info', _OF_ORGANIZATION, _OF_VPG)}, vpg_id)",
)
VM_ID: Final = _identity(
    "vm_id",
    "Tells VMs of the same name apart. A link fills it.",
    f"label_values({of_zvms('zerto_vm_info', _OF_ORGANIZATION, _OF_VM)}, vm_id)",
)
TEST_EVERY: Final = _choice(
    "test_every",
    "Test at least every",
    "A failover test that is longer ago is overdue.",
    {f"{days} days": str(days * 86400) for days in (30, 90, 180, 365)},
    "180 days",
)
OBJECTIVE: Final = _choice(
    "objective",
    "Objective",
    "The share of VPG-time that is to be within the configured RPO.",
    {"95 %": "0.95", "99 %": "0.99", "99.5 %": "0.995", "99.9 %": "0.999"},
    "99 %",
)
