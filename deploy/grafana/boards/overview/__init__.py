"""Is everything recoverable?"""

from __future__ import annotations

from typing import Final

from boards import variables
from boards.overview.ground import GROUND
from boards.overview.lists import WORST
from boards.overview.numbers import RECOVERABLE, TRUST
from boards.overview.trend import TREND
from boards.parts import Board

BOARD: Final = Board(
    uid="zerto-overview",
    title="Zerto / Overview",
    question="Is everything recoverable, and can I trust these numbers?",
    variables=(
        variables.SOURCE,
        variables.JOB,
        variables.ZVM,
        variables.ORGANIZATION,
        variables.VPG,
        variables.TEST_EVERY,
    ),
    rows=(TRUST, RECOVERABLE, GROUND, WORST, TREND),
)
