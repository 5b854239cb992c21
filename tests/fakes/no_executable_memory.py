"""What systemd's MemoryDenyWriteExecute does to a process: run as `python -m tests.fakes.no_executable_memory MODULE`.

The same seccomp rules as systemd's: no memory both writable and executable, none made executable later.
"""

from __future__ import annotations

import ctypes
import errno
import mmap
import platform
import runpy
import struct
import sys

_CALLS = {"x86_64": (9, 10, 30), "aarch64": (222, 226, 196)}
"""Numbers of mmap, mprotect and shmat."""

_LOAD, _IS, _AND, _RETURN = 0x20, 0x15, 0x54, 0x06
_REFUSED, _ALLOWED = 0x00050000 | errno.EPERM, 0x7FFF0000
_THIRD = 16 + 8 * 2
"""Where the third argument of a call stands: what may be done with the memory, or how it is attached."""


def forbid() -> None:
    """From now on this process gets no such memory. Raises OSError where the kernel cannot, KeyError elsewhere."""
    rules = []
    for number, mask in zip(_CALLS[platform.machine()], (6, 4, 0o100000), strict=True):
        rules += [(_LOAD, 0, 0, 0), (_IS, 0, 4, number), (_LOAD, 0, 0, _THIRD), (_AND, 0, 0, mask)]
        rules += [(_IS, 0, 1, mask), (_RETURN, 0, 0, _REFUSED)]
    rules.append((_RETURN, 0, 0, _ALLOWED))
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *rule) for rule in rules))
    program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(rules), ctypes.addressof(code)))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, ctypes.byref(program), 0, 0):
        raise OSError(ctypes.get_errno(), "no seccomp")
    try:
        mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    except PermissionError:
        return
    raise OSError(errno.ENOSYS, "the filter does not bite")


if __name__ == "__main__":
    forbid()
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__")
