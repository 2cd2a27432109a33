"""How many processor cores this process may use."""

import math
import os
from contextlib import suppress
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")
OWN_CGROUP = Path("/proc/self/cgroup")


def usable_cores(cgroups: Path = CGROUPS, own: Path = OWN_CGROUP) -> int:
    """The cores that the scheduler lets this process use, at least 1: fewer where a container has a quota of time.

    The quota is cgroup v2's `cpu.max`, of the process's own group and every one above. A part of a core counts as one.
    """
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
    return max(1, min([len(allowed), *_quotas(cgroups, own)]))


def _quotas(cgroups: Path, own: Path) -> list[int]:
    """The quota of each group that this process is in, in whole cores; none where there is no cgroup v2."""
    found = []
    with suppress(OSError):
        for line in own.read_text("ascii", "replace").splitlines():
            number, _, path = line.split(":", 2) if line.count(":") >= 2 else ("", "", "")
            if number == "0":
                group = cgroups / path.lstrip("/")
                found += [_quota(folder) for folder in (group, *group.parents) if folder.is_relative_to(cgroups)]
    return [cores for cores in found if cores is not None]


def _quota(group: Path) -> int | None:
    """What `cpu.max` of a group allows; None where it says `max`, or nothing that can be read."""
    with suppress(OSError, ValueError):
        time, period = (group / "cpu.max").read_text("ascii").split()
        return math.ceil(int(time) / int(period)) if time != "max" and int(period) else None
    return None
