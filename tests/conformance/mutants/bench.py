"""The servers that mutants are made of, and the run of a mutant's cases before them."""

import contextlib
import functools
import os
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sojourn.app import create_app
from sojourn.conformance.checks import PROFILES
from sojourn.conformance.contract import Contract, Operation
from sojourn.conformance.target import Target
from sojourn.conformance.world import World, expect
from sojourn.settings import Settings
from tests.conformance.liars.lying import Answer, Exchange, LyingApp
from tests.conformance.mutants.cases import Case, Recording, all_cases, new_world, record
from tests.conformance.mutants.effects import administrators
from tests.conformance.mutants.mutant import Mutant, as_told
from tests.conformance.serving import FIRST, SECOND, admin_token, served
from tests.live import API_KEY, JWT_SECRET

SHORT = {"SOJOURN_IDLE_TIMEOUT": "2s", "SOJOURN_ABSOLUTE_TIMEOUT": "4s"}
LIVES = 30
"""Mutants that one database sees before it is made anew: what they leave behind makes every list longer."""
MOST_SECONDS = 60.0
"""How long one mutant is looked at, in seconds of the processor: a busy machine looks as far as an idle one."""


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a mutant: the check that caught it and the profile it belongs to, or nothing."""

    mutant: Mutant
    caught_by: str | None
    profile: str | None
    told: int
    seconds: float
    said: str = ""

    def without_lie(self) -> "Fate":
        """The same, with a lie that is only a name: no other process could be sent the function."""
        return replace(self, mutant=replace(self.mutant, lie=_gone))


async def _gone(exchange: Exchange, operation: Operation) -> Answer:
    raise RuntimeError("this lie was told in another process")


@dataclass(frozen=True, slots=True)
class Known:
    """A recording without its functions: how long each case lasts and what it asks, and an answer of each kind."""

    cases: dict[str, tuple[float, frozenset[str]]]
    answers: dict[tuple[str, int], tuple[dict[str, str], bytes]]


class Bench:
    """A healthy server behind a proxy that can lie, for one process."""

    def __init__(self, folder: Path, contract: Contract, *, full: bool) -> None:
        self._folder, self._contract, self._full = folder, contract, full
        self._tokens = (admin_token(FIRST), admin_token(SECOND), admin_token("nowhere"))
        administrators(*self._tokens)
        self._stack = contextlib.ExitStack()
        self._number = self._lives = 0
        self.recording = Recording([])

    def __enter__(self) -> "Bench":
        self._begin()
        return self

    def __exit__(self, *error: Any) -> None:
        self._stack.close()

    def _begin(self) -> None:
        """A new database behind a new server, with something in it."""
        self._stack.close()
        self._stack = contextlib.ExitStack()
        self._number, self._lives = self._number + 1, 0
        environ = {
            "SOJOURN_DATABASE_URL": f"sqlite:///{self._folder}/{self._number}.db",
            "SOJOURN_INTERNAL_API_KEYS": API_KEY,
            "SOJOURN_JWT_SECRET": JWT_SECRET,
            "SOJOURN_RESPONSE_VALIDATION": "off",
            "SOJOURN_BODY_TIMEOUT": "2s",
            "SOJOURN_STREAM_MAX_AGE": "10ms",  # a lie about a stream begins when all of it was heard
        }
        first, second, stranger = self._tokens
        apps = [LyingApp(create_app(Settings.from_env(environ)))]
        if self._full:
            apps.append(LyingApp(create_app(Settings.from_env({**environ, **SHORT}))))
        url, *others = [self._stack.enter_context(served(app)) for app in apps]
        self._apps = apps
        self.target = Target(
            url, API_KEY, first, FIRST, second, SECOND, stranger_token=stranger, patience=40, profile="full",
            short_lived_url=others[0] if others else None, user_token=admin_token(FIRST, "usr_1", role="user"),
            expired_token=admin_token(FIRST, seconds=-60), limited_api_key=limited_key(environ),
        )  # fmt: skip
        populate(new_world(self.target, self._contract))

    def record(self) -> list[str]:
        """Run the cases that are about no single operation truthfully; the names of those that fail."""
        make = functools.partial(new_world, self.target, self._contract)
        make().make_tenants()
        cases = all_cases(self._contract, self.target)
        broken = record([case for case in cases if case.subject is None], make, recording=self.recording)
        self.recording.cases += [case for case in cases if case.subject is not None]
        return broken

    def learn(self, known: Known) -> None:
        """Take over what another bench recorded."""
        for case in all_cases(self._contract, self.target):
            case.seconds, case.touched = known.cases.get(case.name, (case.seconds, case.touched))
            self.recording.cases.append(case)
        self.recording.answers |= known.answers

    @property
    def known(self) -> Known:
        """What was recorded, as another process can be told it."""
        return Known({case.name: (case.seconds, case.touched) for case in self.recording.cases}, self.recording.answers)

    def judge(self, mutant: Mutant, profiles: tuple[str, ...]) -> Fate:
        """Put a mutant before the cases that it can show in, those of the smallest profile first."""
        if self._lives >= LIVES:
            self._begin()
        self._lives += 1
        self._memory: dict[str, Any] = {}
        began, worked = time.monotonic(), time.process_time()
        for case in self._cases(mutant, profiles):
            if time.process_time() - worked > MOST_SECONDS:
                break
            said = self._said(case, mutant)
            if said is not None:
                return Fate(
                    mutant,
                    case.name,
                    case.check.profile,
                    self._memory.get("told", 0),
                    time.monotonic() - began,
                    said[:200],
                )
        return Fate(mutant, None, None, self._memory.get("told", 0), time.monotonic() - began)

    def _cases(self, mutant: Mutant, profiles: tuple[str, ...]) -> list[Case]:
        found = [
            case
            for case in self.recording.cases
            if case.check.profile in profiles and case.concerns(mutant.operation, *mutant.others)
        ]
        return sorted(found, key=lambda case: (PROFILES.index(case.check.profile), case.seconds))

    def _said(self, case: Case, mutant: Mutant) -> str | None:
        """What the case says of the lie, None when it passes. What fails without the lie, too, is no kill."""
        for _ in range(2):
            verdict, message = self._run(case, mutant)
            if verdict != "fail":
                return None
            if self._run(case, None)[0] in ("pass", "not applicable", "skipped"):
                return message
            self._begin()
        return None

    def _run(self, case: Case, mutant: Mutant | None) -> tuple[str, str]:
        for app in self._apps:
            app.lie, app.memory = (as_told(mutant), self._memory) if mutant else (None, {})
        try:
            return case.run(new_world(self._target_of(case), self._contract))
        finally:
            for app in self._apps:
                app.believe(None)

    def _target_of(self, case: Case) -> Target:
        """The server for a case: one of the profile `seed` writes nothing, not even as the tour of a law."""
        return replace(self.target, profile="seed") if case.check.profile == "seed" else self.target


def limited_key(environ: dict[str, str]) -> str:
    """A new key that is valid for neither tenant."""
    command = [sys.executable, "-W", "ignore", "-m", "sojourn", "api-key", "create", "--name", "limited"]
    done = subprocess.run(
        [*command, "--tenant", "elsewhere"], env={**os.environ, **environ}, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def populate(world: World) -> None:
    """What the reads need: users with several sessions, some ended, devices that are trusted, in two tenants."""
    for tenant in (world.first, world.twin):
        for number, kind in enumerate(("desktop", "mobile", "tablet")):
            user = f"usr_{number}"
            for turn in range(number + 2):
                made = tenant.sign_in(
                    user, device_type=kind, ip=f"192.0.2.{1 + 10 * number + turn}", user_agent=f"agent/{turn}",
                    amr=["password"],
                    device_id=f"dev_{number}_{turn}",
                )  # fmt: skip
                body = {"user_id": user, "device_fingerprint": f"sha256:{number}{turn}", "device_type": kind}
                expect(tenant.service("trust_device", body=body), 200)
            expect(tenant.admin("revoke_session", session_id=made.id), 204)
