"""A run of mutants in several processes, each with servers of its own."""

import gc
import random
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from sojourn.conformance.checks import PROFILES
from tests.conformance.mutants.bench import Bench, Fate, Known
from tests.conformance.mutants.catalogue import ONE_TENANT, catalogue, sample
from tests.conformance.mutants.mutant import contract
from tests.conformance.mutants.unseen_again import UNSEEN


@dataclass(frozen=True, slots=True)
class Order:
    """What one process does: every `of`-th mutant of the samples, until the time is over."""

    part: int
    of: int
    seed: int
    count: int
    reads: int
    seconds: float
    full: bool
    known: Known
    unseen: bool


@dataclass(frozen=True, slots=True)
class Line:
    """A fate without its lie, which no other process could be told."""

    fate: Fate
    sample: str
    """`read`, `other` or `unseen`."""


def work(order: Order) -> list[Line]:
    """Judge a part of the samples."""
    ends, found = time.monotonic() + order.seconds, []
    with tempfile.TemporaryDirectory() as folder, Bench(Path(folder), contract(), full=order.full) as bench:
        bench.learn(order.known)
        gc.collect()
        gc.freeze()  # what is there now stays until the last mutant
        answers = bench.recording.answers
        reads = sample(catalogue(answers, seed_only=True), order.reads, random.Random(order.seed), without=ONE_TENANT)
        others = sample(catalogue(answers), order.count, random.Random(order.seed))
        drawn = [(mutant, "unseen") for mutant in UNSEEN if order.unseen]
        drawn += [(mutant, "read") for mutant in reads] + [(mutant, "other") for mutant in others]
        for mutant, name in drawn[order.part :: order.of]:
            if time.monotonic() > ends:
                break
            profiles = PROFILES[:1] if name == "read" else PROFILES if order.full else PROFILES[:2]
            fate = bench.judge(mutant, profiles)
            found.append(Line(fate.without_lie(), name))
            said = f"{fate.caught_by or '-':<30}{'' if fate.told else '(silent) '}{mutant}"
            why = f": {' '.join(fate.said.split())[:160]}" if fate.said else ""
            print(f"{'caught' if fate.profile else 'ALIVE':<8}{fate.seconds:>5.1f} s  {said}{why}", flush=True)
    return found


def recorded(*, full: bool) -> Known:
    """What a healthy server shows. Raises RuntimeError when a case does not pass before it."""
    with tempfile.TemporaryDirectory() as folder, Bench(Path(folder), contract(), full=full) as bench:
        broken = bench.record()
        if broken:
            raise RuntimeError(f"the healthy server does not pass: {broken}")
        return bench.known


def run(
    *, seed: int, count: int, reads: int, seconds: float, full: bool, processes: int, unseen: bool = False
) -> list[Line]:
    """Judge samples of mutants, in several processes."""
    known = recorded(full=full)
    orders = [Order(part, processes, seed, count, reads, seconds, full, known, unseen) for part in range(processes)]
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        return [line for lines in pool.map(work, orders) for line in lines]
