"""What writes the files that are made from the code: `make docs` and `make chart`.

Each module makes one kind of file and says where it belongs; the tests compare that with what is there.
"""

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
