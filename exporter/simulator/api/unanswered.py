"""The read-only paths of the vendor's document that this ZVM refuses on purpose, each with the reason: 501.

Whatever else is not answered is not in the document, and is 404.
"""

from typing import Final

from exporter.simulator.api.routes import path_ids

_SETTINGS: Final = "drafts of VPG settings are a way to change VPGs, which nobody does here"
_CLOUD: Final = "the site is no public cloud"
_DIRECTOR: Final = "the site has no vCloud Director"
_CATALOG: Final = "long-term copies are counted here, and none can be restored"
_SCRIPTS: Final = "recovery scripts may hold passwords"
_SITE: Final = "/v1/virtualizationsites/{site}"
_DRAFT: Final = "/v1/vpgSettings/{id}"

UNANSWERED: Final = {
    "/v1/vpgSettings": _SETTINGS,
    "/v1/vpgSettings/exportedSettings": _SETTINGS,
    "/v1/vpgSettings/exportedSettings/{time}/vpgsinfo": _SETTINGS,
    _DRAFT: _SETTINGS,
    f"{_DRAFT}/basic": _SETTINGS,
    f"{_DRAFT}/bootgroup": _SETTINGS,
    f"{_DRAFT}/scripting": _SETTINGS,
    f"{_DRAFT}/recovery": _SETTINGS,
    f"{_DRAFT}/journal": _SETTINGS,
    f"{_DRAFT}/scratch": _SETTINGS,
    f"{_DRAFT}/ltr": _SETTINGS,
    f"{_DRAFT}/networks": _SETTINGS,
    f"{_DRAFT}/priority": _SETTINGS,
    f"{_DRAFT}/vms": _SETTINGS,
    f"{_DRAFT}/vms/{{vm}}": _SETTINGS,
    f"{_DRAFT}/vms/{{vm}}/volumes": _SETTINGS,
    f"{_DRAFT}/vms/{{vm}}/volumes/{{volume}}": _SETTINGS,
    f"{_DRAFT}/vms/{{vm}}/nics": _SETTINGS,
    f"{_DRAFT}/vms/{{vm}}/nics/{{nic}}": _SETTINGS,
    "/v1/ltr/catalog/vms": _CATALOG,
    "/v1/ltr/catalog/vms/{vm}/retentionsets": _CATALOG,
    "/v1/ltr/catalog/vms/{vm}/retentionsets/{set}/settings": _CATALOG,
    "/v1/ltr/catalog/fullretentionsets": _CATALOG,
    "/v1/ltr/catalog/fullretentionsets/{set}/incrementals": _CATALOG,
    "/v1/ltr/repositories/{id}": "a repository is told in the list of all of them",
    "/v1/flrs/{id}": "a session of file-level restore is told in the list of all of them",
    "/v1/reports/resources": "what each VM takes is billed from this, and not watched",
    "/v1/recoveryScripts/output/files": _SCRIPTS,
    "/v1/recoveryScripts/output/items": _SCRIPTS,
    "/v1/recoveryScripts/repository/files": _SCRIPTS,
    "/v1/recoveryScripts/repository/items": _SCRIPTS,
    "/v1/vcd/vmsWithoutMorefId": _DIRECTOR,
    "/v1/vcd/validOrgVdcs": _DIRECTOR,
    f"{_SITE}/orgvdcs/{{vdc}}/networks": _DIRECTOR,
    f"{_SITE}/orgvdcs/{{vdc}}/storagepolicies": _DIRECTOR,
    f"{_SITE}/repositories": "repositories are told by /v1/ltr/repositories",
    f"{_SITE}/publiccloud/virtualNetworks": _CLOUD,
    f"{_SITE}/publiccloud/subnets": _CLOUD,
    f"{_SITE}/publiccloud/securityGroups": _CLOUD,
    f"{_SITE}/publiccloud/vmInstanceTypes": _CLOUD,
    f"{_SITE}/publiccloud/resourceGroups": _CLOUD,
    f"{_SITE}/publiccloud/keyscontainers": _CLOUD,
    f"{_SITE}/publiccloud/encryptionkeys": _CLOUD,
    f"{_SITE}/publiccloud/encryptionkeys/{{key}}": _CLOUD,
    f"{_SITE}/publiccloud/managedidentities": _CLOUD,
    f"{_SITE}/publiccloud/diskencryptionkeys": _CLOUD,
    "/v1/vras/clusters/{id}/settings": "VRAs are installed on single hosts here, not on clusters",
    "/v1/vras/{id}/changerecoveryvra/potentials": "VMs keep their recovery VRA here",
    "/v1/zsspsessions": "sessions of the self-service portal hold addresses to log in with",
    "/v1/zsspsessions/{id}": "sessions of the self-service portal hold addresses to log in with",
}


def reason_of(segments: list[str]) -> str | None:
    """Why a path, in segments, is refused; None where it is not."""
    return next((why for path, why in UNANSWERED.items() if path_ids(path, segments) is not None), None)
