"""Several files of keys take the place of others as one step, whatever moment the power goes.

New files are gathered in a folder beside the old ones; renaming that folder to `swap` is the step itself. What
follows only moves files and may be done again after a cut: by the next start of any service, for instance.
"""

from __future__ import annotations

import os
from pathlib import Path

from broker.trust.files import sync_folder

_SWAP = "swap"


def swap_in(gathered: Path) -> None:
    """Put the files of `gathered`, a folder inside the folder of keys, in the place of those named the same.

    Files whose name begins with a dot are dropped instead.

    Raises OSError; before the step nothing has changed, after it `finish_swap` completes what is left.
    """
    keys = gathered.parent
    finish_swap(keys)
    sync_folder(gathered)
    gathered.rename(keys / _SWAP)
    sync_folder(keys)
    finish_swap(keys)


def finish_swap(keys: Path) -> bool:
    """Complete a swap that was cut short; False when there was none. Two processes may do it at once.

    Raises OSError.
    """
    swap = keys / _SWAP
    try:
        names = sorted(os.listdir(swap))  # noqa: PTH208  (names, not paths)
    except FileNotFoundError:
        return False
    for name in names:
        try:
            if name.startswith("."):  # notes of whoever gathered the files
                (swap / name).unlink()
            else:
                (swap / name).replace(keys / name)
        except FileNotFoundError:
            continue  # another process was faster
    sync_folder(keys)
    try:
        swap.rmdir()
    except FileNotFoundError:
        return True
    sync_folder(keys)
    return True
