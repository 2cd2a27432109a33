"""What the checks use of the server: two tenants, their callers, and users of their own."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sojourn.conformance.contract import Contract, Operation
from sojourn.conformance.removal import Leftovers
from sojourn.conformance.target import Target
from sojourn.conformance.traffic import Traffic
from sojourn.conformance.wire import NO_ANSWER, Raw, Reply, Wire


def expect(reply: Reply, *statuses: int) -> Reply:
    """The reply, when it has one of the statuses; else the check fails."""
    wanted = " or ".join(map(str, statuses))
    assert reply.status != NO_ANSWER, f"no answer came, wanted {wanted}"
    assert reply.status in statuses, f"answered {reply.status}, wanted {wanted}: {reply.text[:300]}"
    return reply


@dataclass(frozen=True, slots=True)
class SignIn:
    """A session that the suite created and the first tokens of it."""

    session: dict[str, Any]
    tokens: dict[str, Any]

    @property
    def id(self) -> str:
        """The session's id."""
        return str(self.session["id"])

    @property
    def user(self) -> str:
        """The session's user."""
        return str(self.session["user_id"])

    @property
    def access(self) -> str:
        """The access token."""
        return str(self.tokens["access_token"])

    @property
    def refresh(self) -> str:
        """The refresh token."""
        return str(self.tokens["refresh_token"])


class World:
    """What a check is given. `second` is None when no second administrator's token was given."""

    def __init__(self, target: Target, contract: Contract, *, traffic: Traffic) -> None:
        self.target = target
        self.contract = contract
        self.traffic = traffic
        self.wire = Wire(target.url, authorities=target.ca_file)
        self.random = random.Random(target.seed)  # noqa: S311 - it draws cases, no secrets
        self._name = f"{random.SystemRandom().randrange(16**8):08x}"
        """Users of this run alone, whatever the seed: the server may remember an earlier run."""
        self._users = 0
        self.keys: dict[tuple[str, ...], str] = {}
        """API keys that the suite has made, by their scopes."""
        self.leftovers = Leftovers(contract)
        self.first = Tenant(self, target.tenant, admin_token=target.admin_token)
        second = target.second_tenant
        self.second = Tenant(self, second, admin_token=target.second_admin_token or "") if second else None

    @property
    def twin(self) -> "Tenant":
        """The second tenant, for checks that say that they need one."""
        if self.second is None:
            raise RuntimeError("a check that uses the second tenant must name it in `needs`")
        return self.second

    def new_user(self) -> str:
        """A user that no other check has, and whose id is no other's with something behind it."""
        self._users += 1
        return f"usr_conf_{self._users}_{self._name}"

    def make_tenants(self) -> None:
        """A session in each tenant: a tenant exists from its first session on."""
        for tenant in (self.first, self.second):
            if tenant is not None:
                tenant.sign_in()

    def operation(self, operation_id: str) -> Operation:
        """An operation of the contract."""
        contract = self.contract
        found = contract.operations.get(operation_id) or contract.forms.get(operation_id)
        return contract.left_out[operation_id] if found is None else found

    def send(self, request: Raw, seconds: float | None = None) -> Reply:
        """Send a request as it is."""
        return self._noted(request, self.wire.exchange(request, seconds))

    def send_in_two(self, request: Raw, *, between: Callable[[], None]) -> Reply:
        """Send a request whose body arrives only once `between` has returned."""
        return self._noted(request, self.wire.exchange_in_two(request, between=between))

    def _noted(self, request: Raw, reply: Reply) -> Reply:
        self.traffic.add(request, reply)
        self.leftovers.note(request, reply, wire=self.wire)
        return reply

    def elsewhere(self, url: str) -> "World":
        """The same callers at another address."""
        other = World(self.target, self.contract, traffic=self.traffic)
        other.wire = Wire(url, authorities=self.target.ca_file)
        other.leftovers = self.leftovers
        return other


class Tenant:
    """A tenant and those who call for it: services with the API key, its administrator, its users."""

    def __init__(self, world: World, tenant_id: str, *, admin_token: str) -> None:
        self.world = world
        self.id = tenant_id
        self.admin_token = admin_token
        self.trail_read = "0"
        """The cursor up to which the audit trail was read."""

    def request(self, operation_id: str, *, body: Any = None, **known: Any) -> Raw:
        """A request of the operation without credentials. `known` are parameters; all that are named are sent."""
        named = {**known, **{f"?{name}": value for name, value in known.items()}}
        return self.world.operation(operation_id).request({"X-Tenant-ID": self.id, **named}, body=body)

    def service(self, operation_id: str, *, body: Any = None, **known: Any) -> Reply:
        """Call as an internal service of this tenant."""
        request = self.request(operation_id, body=body, **known)
        return self.world.send(request.with_header("X-API-Key", self.world.target.api_key))

    def admin(self, operation_id: str, *, body: Any = None, **known: Any) -> Reply:
        """Call as the tenant's administrator."""
        return self.bearer(self.admin_token, operation_id, body=body, **known)

    def bearer(self, token: str, operation_id: str, *, body: Any = None, **known: Any) -> Reply:
        """Call with a bearer token."""
        request = self.request(operation_id, body=body, **known)
        return self.world.send(request.with_header("Authorization", f"Bearer {token}"))

    def anyone(self, operation_id: str, *, body: Any = None, **known: Any) -> Reply:
        """Call without credentials."""
        return self.world.send(self.request(operation_id, body=body, **known))

    def sign_in(self, user: str | None = None, **facts: Any) -> SignIn:
        """A new session, as the service that authenticated the user reports it."""
        body = {"auth_user_id": user or self.world.new_user(), **facts}
        data = expect(self.service("create_session", body=body), 201).json["data"]
        return SignIn(data["session"], data["tokens"])

    def refresh(self, token: str) -> Reply:
        """Spend a refresh token."""
        return self.anyone("refresh_tokens", body={"refresh_token": token})

    def is_good(self, access: str) -> bool:
        """Whether the service calls an access token valid."""
        answer = expect(self.service("validate_access_token", body={"access_token": access}), 200).json
        return bool(answer["valid"])

    def status_of(self, session_id: str) -> str:
        """What the administrator is told of a session's status."""
        shown = expect(self.admin("get_session", session_id=session_id), 200).json
        return str(shown["session"]["status"])
