"""Reads all of a ZVM that the SDK zvma10-api-wrapper knows, and prints what each of its methods gave, as JSON.

A program of its own: the SDK keeps a thread that sleeps, and writes into ./logs. Its statistics are switched off.
"""

import inspect
import json
import os
import sys
import time
from pathlib import Path
from typing import Any, Final

from zvma10 import zvmsite

# What changes something, and what is no request at all.
NOT_CALLED: Final = {
    "alert_dismiss",
    "alert_undismiss",
    "connect",
    "construct_url",
    "deconstruct_url",
    "disconnect",
    "encryptiondetection_disable",
    "encryptiondetection_enable",
    "is_authenticated",
    "license_apply",
    "license_delete",
    "load_or_generate_uuid",
    "local_site_banner_update",
    "local_site_send_billing",
    "make_api_request",
    "peer_site_add",
    "peer_site_delete",
    "peer_site_pairing_token",
    "setup_logging",
    "setup_posthog",
    "vpg_delete",
    "vpg_take_checkpoint",
    "vra_upgrade",
    # It asks for a name that it does not have.
    "service_profile",
}
# A method for one object, the list that has it, and the argument that says which.
ONE_OF: Final = {
    "alert": ("alerts", "alertidentifier"),
    "datastore": ("datastores", "datastoreidentifier"),
    "event": ("events", "eventidentifier"),
    "peer_site": ("peer_sites", "siteidentifier"),
    "recovery_report": ("recovery_reports", "recoveryoperationidentifier"),
    "task": ("tasks", "taskidentifier"),
    "vm": ("vms", "vmidentifier"),
    "vm_pointintime": ("vms", "vmidentifier"),
    "vm_pointintime_stats": ("vms", "vmidentifier"),
    "vpg": ("vpgs", "vpgidentifier"),
    "vpg_checkpoints": ("vpgs", "vpgidentifier"),
    "vpg_checkpoint_stats": ("vpgs", "vpgidentifier"),
    "vra": ("vras", "vraidentifier"),
    "zorg": ("zorgs", "zorgidentifier"),
}


def main() -> None:
    """Connect with the password of the environment, call everything, print, and leave the thread behind."""
    Path("logs").mkdir()
    port, username = sys.argv[1:]
    site = zvmsite(
        "127.0.0.1",
        username,
        os.environ["ZVM_PASSWORD"],
        int(port),
        verify_ssl=True,
        loglevel="info",
        stats=False,
    )
    site.connect()
    deadline = time.monotonic() + 20
    while site.site_id is None and time.monotonic() < deadline:
        time.sleep(0.01)
    names = {name for name, _ in inspect.getmembers(zvmsite, inspect.isfunction) if not name.startswith("_")}
    found: dict[str, Any] = {}
    for name in sorted(names - NOT_CALLED - ONE_OF.keys()):
        found[name] = _called(site, name, {"dt_str": "2023-11-15T11:13:20Z"} if name == "datetime_check" else {})
    for name, (listed, argument) in ONE_OF.items():
        rows = found[listed]
        if rows:
            found[name] = _called(site, name, {argument: _identifier(rows)})
    sys.stdout.write(json.dumps({name: _brief(value) for name, value in found.items()}))
    sys.stdout.flush()
    os._exit(0)


def _called(site: zvmsite, name: str, arguments: dict[str, Any]) -> Any:
    try:
        return getattr(site, name)(**arguments)
    except (OSError, ValueError):
        return None  # what it raises where a resource was not answered


def _identifier(rows: list[dict[str, Any]]) -> str:
    """That of the last that is in a local VPG, else of the last."""
    local = [row for row in rows if "ProtectedSite" in row and row["ProtectedSite"] == row["RecoverySite"]]
    row = (local or rows)[-1]
    return str(row["Link"]["identifier"] if "Link" in row else next(iter(row.values())))


def _brief(value: Any) -> Any:
    return len(value) if isinstance(value, list) else str(value)[:80] if value is not None else None


if __name__ == "__main__":
    main()
