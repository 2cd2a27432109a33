"""Files that hold a secret: nobody but their owner may read them."""

import os
import stat
from pathlib import Path

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def require_private(path: Path) -> None:
    """Raises PermissionError for a file of this process's user that others may read or change, as ssh does.

    Raises OSError too when the file is not there. A file of somebody else (a secret that a container runtime mounts)
    is theirs to guard.
    """
    found = path.stat()
    if found.st_uid == os.geteuid() and stat.S_IMODE(found.st_mode) & _OTHERS:
        mode = stat.S_IMODE(found.st_mode)
        raise PermissionError(f"{path}: others may read it (mode {mode:04o}); run `chmod 600 {path}`")
