"""A process that holds keys leaves no core file, whatever kills it."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = """
import ctypes, os, resource, sys
from gateway.keys.process import disable_core_dumps
resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)
disable_core_dumps()
dumpable = ctypes.CDLL(None).prctl(3, 0, 0, 0, 0) if sys.platform == "linux" else 0
print(resource.getrlimit(resource.RLIMIT_CORE), dumpable, flush=True)
secret = b"canary-" + b"in-memory" * 3
os.abort()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there are no core files on Windows")
def test_no_core_is_written(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split("\n")[0] == "(0, 0) 0"
    assert done.returncode == -6
    assert list(tmp_path.iterdir()) == []
