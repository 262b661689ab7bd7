"""What a process must not leave behind: an image of its memory. Python cannot wipe a key, but need not write it out."""

import contextlib
import ctypes
import resource
import sys

_PR_SET_DUMPABLE = 4


def disable_core_dumps() -> None:
    """No core file is written from here on, by this process or its children; on Linux other users cannot attach either.

    Called before the first key is unwrapped. Does nothing where the system does not allow it.
    """
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        # A core pattern that pipes into a program ignores the limit; a process that is not dumpable is left alone.
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
