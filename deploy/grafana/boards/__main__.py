"""Writes the JSON of all dashboards, and the list of them in the document."""

from boards import BOARDS, FOLDER, path, render
from boards.document import DOCUMENT, listed

FOLDER.mkdir(exist_ok=True)
for board in BOARDS:
    path(board).write_text(render(board))
DOCUMENT.write_text(listed(DOCUMENT.read_text(), BOARDS))
