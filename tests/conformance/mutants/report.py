"""What a run of mutants showed: the share that each profile catches, and the survivors by kind."""

from collections import Counter
from collections.abc import Iterable

from sojourn.conformance.chapters.seed import SEEDS
from sojourn.conformance.checks import PROFILES
from tests.conformance.mutants.bench import Fate
from tests.conformance.mutants.running import Line


def counted(fates: Iterable[Fate]) -> list[Fate]:
    """The mutants that count: those that told a lie, and those that nobody asked for one although one can."""
    return [fate for fate in fates if fate.told or fate.caught_by or fate.mutant.asked]


def caught(fates: list[Fate], profile: str) -> int:
    """How many a profile catches: it holds the checks of the ones before it."""
    held = PROFILES[: PROFILES.index(profile) + 1]  # type: ignore[arg-type]
    return sum(fate.profile in held for fate in fates)


def share(fates: Iterable[Fate], profile: str) -> float:
    """The share, 0 to 1, that a profile catches of the mutants that count; of the five reads for `seed`."""
    relevant = [fate for fate in counted(fates) if profile != "seed" or fate.mutant.operation in SEEDS]
    return caught(relevant, profile) / len(relevant) if relevant else 1.0


WANTED = {"seed": 0.90, "core": 0.90, "full": 0.97}
"""What each profile should catch."""


def shortfalls(lines: list[Line], *, full: bool) -> list[str]:
    """A sentence for each profile that catches less than it should."""
    found = []
    for profile in ("seed", "core", *(("full",) if full else ())):
        fates = of_sample(lines, "read" if profile == "seed" else "other")
        if share(fates, profile) < WANTED[profile]:
            found.append(f"{profile} catches {share(fates, profile):.1%}, {WANTED[profile]:.0%} are wanted")
    return found


def of_sample(lines: list[Line], name: str) -> list[Fate]:
    """The fates of one sample: `read`, `other` or `unseen`."""
    return [line.fate for line in lines if line.sample == name]


def as_markdown(told: list[Line], *, full: bool, seed: int) -> str:
    """The table, and what lived on."""
    fates, reads, unseen = (of_sample(told, name) for name in ("other", "read", "unseen"))
    lines = [f"# Mutants, drawn with seed {seed}", "", "| profile | told a lie | caught | share |", "|---|---|---|---|"]
    rows = [("seed (the five reads)", reads, "seed"), ("core", fates, "core")]
    if full:
        rows.append(("full, without generated requests", fates, "full"))
    for name, of, profile in rows:
        relevant = counted(of)
        lines.append(f"| {name} | {len(relevant)} | {caught(relevant, profile)} | {100 * share(of, profile):.1f} % |")
    if unseen:
        found = sum(bool(fate.profile) for fate in unseen)
        lines.append(f"| unseen lies | {len(unseen)} | {found} | {100 * found / len(unseen):.1f} % |")
    silent = len(fates) + len(reads) - len(counted(fates)) - len(counted(reads))
    lines += ["", f"{silent} more changed no answer, and count for nothing."]
    for title, found in (
        ("Survivors", [fate for fate in counted(fates) if not fate.profile]),
        ("Survivors of the unseen", [fate for fate in unseen if not fate.profile]),
        ("Survivors of the seed profile", [fate for fate in counted(reads) if fate.profile != "seed"]),
    ):
        kinds = Counter(f"{fate.mutant.group}: {fate.mutant.kind}" for fate in found)
        lines += ["", f"## {title}: {len(found)}", ""]
        lines += [f"- {count} × {kind}" for kind, count in kinds.most_common()]
        lines += ["", *(f"    {fate.mutant}{'' if fate.told else ' (never asked for)'}" for fate in found)]
    lines += ["", "## Unseen lies", ""] if unseen else []
    lines += [
        f"- {fate.caught_by or '**lives on**'}: {fate.mutant.kind}: {' '.join(fate.said.split())}" for fate in unseen
    ]
    return "\n".join(lines) + "\n"
