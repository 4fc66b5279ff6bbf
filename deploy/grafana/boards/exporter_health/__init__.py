"""Does the exporter itself do its work?"""

from __future__ import annotations

from typing import Final

from boards import variables
from boards.exporter_health.now import NOW
from boards.exporter_health.polls import POLLS, REQUESTS
from boards.exporter_health.process import PROCESS
from boards.exporter_health.records import RECORDS
from boards.parts import Board

BOARD: Final = Board(
    uid="zerto-exporter",
    title="Zerto / Exporter",
    question="Does the exporter itself do its work?",
    variables=(variables.SOURCE, variables.JOB, variables.INSTANCE, variables.ZVM),
    rows=(NOW, POLLS, REQUESTS, RECORDS, PROCESS),
)
