r"""A stand-in Zerto Virtual Manager (ZVM): a living estate behind the REST API that Zerto documents.

    estate = Estate("nyc", vms=50, seed=1)
    simulator = Simulator(estate, control=True)
    await simulator.start(port=9669)

Any ZVM client can be pointed at it. Nothing of it was compared with a live ZVM: it answers as the vendor's documents
and public clients say that one does. It imports nothing of the exporter.

With control=True a shell can break it and mend it again:

    curl -X PUT    localhost:9669/simulator/faults \
        -d '{"path": "/v1/vms", "fault": "status", "args": {"code": 500}, "times": 3}'
    curl           localhost:9669/simulator/faults
    curl -X DELETE localhost:9669/simulator/faults                        # or ?path=/v1/vms
    curl -X POST   localhost:9669/simulator/incidents -d '{"kind": "peer_disconnected", "vpg": "ERP-Production"}'
    curl           localhost:9669/simulator/incidents
    curl -X DELETE localhost:9669/simulator/incidents                     # or ?kind=...&vpg=...
    curl -X POST   localhost:9669/simulator/operations -d '{"vpg": "ERP-Production"}'  # the next one fails
    curl -X DELETE localhost:9669/simulator/operations                    # none was ever begun by hand

The faults are the constructors in `faults`, `path` is the beginning of a path, `times` may be left out. An incident
without `vpg` happens to every VPG; `wan_down`, `site_down` (that of the peer), `license_expiring`, `datastore_full`,
`vms_unprotected` and `clock_off` happen to the site. The kinds are in `INCIDENT_KINDS`.
"""

from exporter.simulator import faults
from exporter.simulator.documents import Estate, pair
from exporter.simulator.estate.incidents import KINDS as INCIDENT_KINDS
from exporter.simulator.estate.incidents import Incident
from exporter.simulator.exchange import Request
from exporter.simulator.faults import Fault
from exporter.simulator.server import Simulator

__all__ = ["INCIDENT_KINDS", "Estate", "Fault", "Incident", "Request", "Simulator", "faults", "pair"]
