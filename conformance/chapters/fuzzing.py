"""Contract fuzzing by Schemathesis: all phases, all checks, the links of the contract followed by hand-made chains."""

import re
import tempfile
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from sojourn.conformance.checks import check
from sojourn.conformance.fuzzing.data import fill
from sojourn.conformance.fuzzing.gate import unfollowed_links, unreached_operations
from sojourn.conformance.fuzzing.runner import Profile, Run, run
from sojourn.conformance.plugin import WORLD
from sojourn.conformance.world import World, expect

CHAINS = 3
"""Chains for an example: there are dozens of links, and each chain follows a few of them."""
ATTEMPTS = 8
"""Which links a chain follows is drawn. A link that no chain happened to follow is given another seed."""
_SOURCE = "the contract"


@dataclass
class Fuzzing:
    """The runs of this chapter: each is made once, when the first check asks for it."""

    world: World
    folder: Path
    done: dict[str, Run] = field(default_factory=dict)

    def run(self, profile: Profile, *, source: str = "", links: Collection[str] = (), attempt: int = 0) -> Run:
        """The run of a profile; of `links`, that of an attempt to follow some of one operation."""
        place = "-".join(filter(None, re.split(r"\W+", source)))
        name = "/".join(filter(None, (profile, place, str(attempt) if place else "")))
        if name not in self.done:
            target = self.world.target
            self.done[name] = run(
                target,
                self.world.contract,
                filling=fill(self.world),
                folder=self.folder / name,
                profile=profile,
                seed=target.seed + attempt,
                examples=target.examples * (1 if profile in ("main", "isolation") else CHAINS),
                links=links,
            )
            restore(self.world)
        return self.done[name]

    def along_links(self) -> list[Run]:
        """Chains, and a run for each operation with links that no run followed to a success, along these."""
        done = [self.run("main"), self.run("chains")]
        for attempt in range(ATTEMPTS):
            missed = unfollowed_links(done, self.world.contract.document)
            for source in sorted({link.partition(" -> ")[0] for link in missed}):
                of_source = {link for link in missed if link.startswith(f"{source} -> ")}
                done.append(self.run("links", source=source, links=of_source, attempt=attempt))
        return done


def restore(world: World) -> None:
    """Take back what generated requests made of the tenants: later sign-ins have tokens that live as long as before."""
    for tenant in (world.first, world.second):
        if tenant is not None:
            expect(tenant.admin("reset_token_config"), 200)
            if "reset_session_policy" in world.contract.operations:
                expect(tenant.admin("reset_session_policy"), 204)


@pytest.fixture(scope="module")
def fuzzing(pytestconfig: pytest.Config) -> Iterator[Fuzzing]:
    """The runs, in the folder of reports or in one that goes away."""
    world = pytestconfig.stash[WORLD]
    with tempfile.TemporaryDirectory() as passing:
        reports = world.target.report_dir
        yield Fuzzing(world, reports.resolve() / "schemathesis" if reports else Path(passing))


@check(
    "FUZ-001",
    "No response to a generated request, valid or not, MUST break the contract.",
    source=_SOURCE,
    profile="full",
    feature="fuzzing",
)
def test_no_generated_request_is_answered_against_the_contract(fuzzing: Fuzzing) -> None:
    assert_clean(fuzzing.run("main"))


@check(
    "FUZ-002",
    "No chain along the links of the contract MUST end against the contract.",
    source=_SOURCE,
    profile="full",
    feature="fuzzing",
)
def test_no_chain_along_links_ends_against_the_contract(fuzzing: Fuzzing) -> None:
    for done in fuzzing.along_links():
        assert_clean(done)


@check(
    "FUZ-003",
    "Every operation that needs no session of the caller and no key with the scope `manage` MUST have fulfilled a "
    "generated request.",
    source=_SOURCE,
    profile="full",
    feature="fuzzing",
)
def test_every_operation_answered_with_success(fuzzing: Fuzzing, world: World) -> None:
    missed = unreached_operations(fuzzing.along_links(), world.contract.document)
    assert not missed, "never answered 2xx: " + ", ".join(sorted(missed))


@check(
    "FUZ-004",
    "Every link of the contract from an operation that needs no key with the scope `manage` MUST lead to a success.",
    source=_SOURCE,
    profile="full",
    feature="fuzzing",
)
def test_every_link_leads_to_a_success(fuzzing: Fuzzing, world: World) -> None:
    missed = unfollowed_links(fuzzing.along_links(), world.contract.document)
    assert not missed, "never followed to a success: " + ", ".join(sorted(missed))


@check(
    "FUZ-005",
    "What one tenant made MUST NOT be seen by another in generated requests.",
    source=_SOURCE,
    profile="full",
    feature="fuzzing",
    needs=("second_admin_token",),
)
def test_two_tenants_never_meet_in_generated_requests(fuzzing: Fuzzing) -> None:
    assert_clean(fuzzing.run("isolation"))


def assert_clean(done: Run) -> None:
    """No check of Schemathesis failed and the run came to its end."""
    assert done.exit_status == 0, done.output[-4000:]
    assert done.summary.get("complete") is True, "the run did not come to its end:\n" + done.output[-1000:]
