"""Files that survive a power failure: either all of the new content is there, or all of the old."""

import os
from pathlib import Path


def write_durably(path: Path, content: bytes) -> None:
    """True afterwards, even if the power fails: the file holds exactly this; before, it held what it held."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".new")
    with beside.open("wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    beside.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
