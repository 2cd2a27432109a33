"""The cases that verifiers elsewhere are held to (`clients/cases`): the server comes to the same verdicts."""

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from sojourn.authentication.signing_keys import new_key
from sojourn.authentication.tokens import Tokens
from sojourn.authentication.vault import Vault
from sojourn.domain.clock import from_text
from sojourn.domain.ids import TenantId
from sojourn.domain.token_validity import TokenFacts, TokenRecord, facts_of_access, reasons
from sojourn.domain.tokens import AccessToken
from sojourn.domain.values import Tenant
from sojourn.settings import Settings
from sojourn.storage.engines import open_database
from sojourn.storage.queries import signing_keys
from tests.live import REFRESH_SECRET

CASES = Path(__file__).parents[2] / "clients/cases"
MERGED = ("header", "claims", "settings", "known")
KIDS = ("key_1", "key_2", "key_3")


def cases() -> list[Any]:
    found = []
    for file in sorted(CASES.glob("*.json")):
        of_file = json.loads(file.read_text("utf-8"))
        for case in of_file["cases"]:
            found.append(pytest.param(merged(of_file["base"], case), id=f"{file.stem}: {case['name']}"))
    return found


def merged(base: dict[str, Any], case: dict[str, Any]) -> dict[str, Any]:
    found = base | case
    for name in MERGED:
        members = base[name] | case.get(name, {})
        found[name] = {key: value for key, value in members.items() if value is not None}
    return found


class Signed:
    """Tokens signed by keys of a real database, and what the server reads in them."""

    def __init__(self, url: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._loop.run_until_complete(self._start(url))

    async def _start(self, url: str) -> None:
        now = datetime(2026, 4, 15, 8, tzinfo=UTC)
        self._database = await open_database(url)
        self._tokens = Tokens(Settings(database_url=url, refresh_secret=REFRESH_SECRET))
        await self._tokens.open_vault()
        await self._tokens.start(self._database, now)
        self._private = {}
        vault = Vault(REFRESH_SECRET.encode())
        for kid in KIDS:
            made = new_key(vault, "EdDSA", now=now, signs_from=now)
            row = made._replace(id=kid)
            await self._database.write_system(lambda unit, row=row: signing_keys.add(unit, row))  # type: ignore[misc]
            pem = vault.unseal(made.id, made.sealed_private)
            assert pem is not None
            self._private[kid] = load_pem_private_key(pem, None)

    def read(self, case: dict[str, Any]) -> AccessToken | None:
        """What the server reads in a case's token; None where it is no token of ours."""
        header = dict(case["header"])
        key: Any = self._private.get(header.get("kid"), self._private["key_1"])
        text = jwt.encode(case["claims"], key, header.pop("alg"), {"typ": None, **header})
        found = self._loop.run_until_complete(self._tokens.present(text, Tenant(TenantId("acme"))))
        return found if isinstance(found, AccessToken) else None

    def close(self) -> None:
        self._loop.run_until_complete(self._database.close())
        self._loop.close()


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Signed]:
    made = Signed(f"sqlite:///{tmp_path_factory.mktemp('cases')}/sojourn.db")
    yield made
    made.close()


def of_kind(case: dict[str, Any], kind: str, **members: str | None) -> list[dict[str, Any]]:
    """The items of a kind of the token's tenant, or of all tenants, that have these members."""
    tenants = ("*", case["claims"]["tenant_id"])
    return [
        item
        for item in case["known"]["items"]
        if item["kind"] == kind
        and item["tenant_id"] in tenants
        and all(item.get(name) == value for name, value in members.items())
    ]


def issued_at(claims: dict[str, Any]) -> datetime:
    """When the inventory says that a token was issued: the instant that its id was made of."""
    digits = str(claims["jti"]).removeprefix("tok_").replace("-", "")[:12]
    millis = int(digits, 16) if str(claims["jti"]).startswith("tok_") else claims["iat"] * 1000
    return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=millis)


def count(case: dict[str, Any], items: list[dict[str, Any]], *, is_counted: bool) -> int:
    """How many of some cut-offs came after the token was issued.

    Of those that are nearer to its issue than clocks may be off all came after it, or none.
    """
    leeway = timedelta(seconds=case["settings"]["leeway"])
    issued = issued_at(case["claims"])
    ages = [from_text(item["issued_until"]) - issued for item in items]
    return sum(age >= leeway or (is_counted and age >= -leeway) for age in ages)


def record(case: dict[str, Any], *, is_counted: bool) -> TokenRecord:
    """What the database would say of the token. `is_counted`: what is near to its issue came after it."""
    claims, sid = case["claims"], case["claims"].get("sid")
    cuts = of_kind(case, "cut_off", token_type="access", user_id=claims["sub"], session_id=None)
    cuts += of_kind(case, "cut_off", token_type="access", user_id=None, session_id=None)
    raised = of_kind(case, "cut_off", session_id=sid) if sid is not None else []
    ended = of_kind(case, "session", session_id=sid) if sid is not None else []
    suspended = of_kind(case, "suspension", session_id=sid) if sid is not None else []
    code = ended[0].get("reason_code") if ended else None
    is_there = sid is not None and code != "erased"
    return TokenRecord(
        blacklisted=bool(of_kind(case, "token", jti=claims["jti"])),
        issued_until=None,
        cut_offs_now=count(case, cuts, is_counted=is_counted),
        cut_offs_then=0,
        session_id=sid if is_there else None,
        session_user=claims["sub"] if is_there else None,
        session_revoked_at=case["now"] if ended and is_there and code not in TIMEOUTS else None,
        session_expires_at=case["now"] if code in TIMEOUTS else FAR,
        session_idle_expires_at=FAR,
        key_id=None if of_kind(case, "key", kid=case["header"]["kid"]) else case["header"]["kid"],
        elevations_then=0,
        elevations_now=count(case, raised, is_counted=is_counted),
        epoch=claims.get("epoch"),
        suspended_until=suspended[0].get("until", FAR) if suspended and is_there else None,
        suspended_then="reactivate" if suspended and is_there else None,
    )


TIMEOUTS = ("idle_timeout", "absolute_timeout")
FAR: Any = "2999-01-01T00:00:00.000Z"


def judged(case: dict[str, Any], token: AccessToken, *, is_counted: bool) -> dict[str, str]:
    settings, tenants = case["settings"], case["known"].get("tenants", [token.tenant])
    if token.tenant not in tenants or settings.get("tenant", token.tenant) != token.tenant:
        facts = TokenFacts(tenant_mismatch=True)
    else:
        facts = facts_of_access(
            token,
            record(case, is_counted=is_counted),
            now=from_text(case["now"]),
            leeway=timedelta(seconds=settings["leeway"]),
            audience="sojourn",
            wanted_audience=settings["audience"],
        )
    wrong = reasons(facts, "validation")
    return {"verdict": "refused", "reason": wrong[0]} if wrong else {"verdict": "good"}


@pytest.mark.parametrize("case", cases())
def test_the_server_comes_to_the_verdict_of_the_case(case: dict[str, Any], signed: Signed) -> None:
    token = signed.read(case)
    if token is None:
        assert case["verdict"] == {"verdict": "refused", "reason": "invalid_token"}
        return
    verdicts = [judged(case, token, is_counted=counted) for counted in (False, True)]

    if case["verdict"] == {"verdict": "ask"}:
        assert verdicts[0] == {"verdict": "good"}
        assert verdicts[1]["reason"] in ("issued_before_cutoff", "assurance_raised")
    else:
        assert verdicts[0] == case["verdict"]
        assert verdicts[1]["verdict"] == case["verdict"]["verdict"]
