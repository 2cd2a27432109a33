"""The work of a soak: sessions begin, are checked, touched, refreshed and listed, and most of them end.

Requests start at a steady rate, whether earlier ones have been answered or not, and a latency counts from when its
request was due: a server that stops for a second makes every request of that second slow, as its users would see it.
"""

import asyncio
import json
import random
import time
from collections import Counter, deque
from contextlib import suppress
from dataclasses import dataclass, field

from benchmarks.callers import API_KEY, token

TENANTS = tuple(f"tnt_{number:02d}" for number in range(5))
USERS = 2_000
"""For each tenant."""
HELD = 20_000
"""Sessions that the clients remember; older ones are left to their idle timeout."""
SHARES = {
    "active": 40, "touch": 18, "validate": 15, "list": 8, "create": 7, "refresh": 5, "revoke": 4, "stats": 2,
    "search": 1,
}  # fmt: skip
"""Of a hundred requests."""
GONE = {401, 404}
"""What a request about a session that has ended may be answered."""


@dataclass(slots=True)
class Held:
    """A session that a client was given."""

    tenant: str
    user: str
    id: str = ""
    access: str = ""
    refresh: str = ""


@dataclass(slots=True)
class Window:
    """What happened since the last look: latencies in seconds, and how many were answered with each status."""

    latencies: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


class Clients:
    """Connections that are kept, and the sessions that they were given."""

    def __init__(self, port: int, *, connections: int = 32, seed: int = 1) -> None:
        self._port = port
        self._chance = random.Random(seed)
        self._free: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter] | None] = asyncio.Queue()
        for _ in range(connections):
            self._free.put_nowait(None)
        self._held: deque[Held] = deque(maxlen=HELD)
        self._admins = {tenant: f"Bearer {token(tenant)}" for tenant in TENANTS}
        self.window = Window()

    def take_window(self) -> Window:
        """What happened since this was asked the last time."""
        window, self.window = self.window, Window()
        return window

    async def full_speed(self, seconds: float) -> float:
        """Requests a second when every connection asks as fast as it is answered."""
        ends, before = time.perf_counter() + seconds, sum(self.window.statuses.values())

        async def one() -> None:
            while time.perf_counter() < ends:
                await self._request(time.perf_counter())

        await asyncio.gather(*(one() for _ in range(self._free.qsize())))
        return (sum(self.window.statuses.values()) - before) / seconds

    async def steady(self, rate: float, seconds: float) -> None:
        """Start `rate` requests a second for so long, at random instants, and wait for the last."""
        began = due = time.perf_counter()
        waiting: set[asyncio.Task[None]] = set()
        while due < began + seconds:
            due += self._chance.expovariate(rate)
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            task = asyncio.create_task(self._request(due))
            waiting.add(task)
            task.add_done_callback(waiting.discard)
        await asyncio.gather(*waiting)

    async def _request(self, due: float) -> None:
        name = self._chance.choices(list(SHARES), list(SHARES.values()))[0]
        if not self._held or name == "create":
            name = "create"
            held = Held(self._chance.choice(TENANTS), f"usr_{self._chance.randrange(USERS)}")
        else:
            held = self._chance.choice(self._held)
        if name in ("refresh", "revoke"):  # nobody else uses it meanwhile: a refresh token is good once
            self._held.remove(held)
        status, body = await self._do(name, held)
        self.window.latencies.append(time.perf_counter() - due)
        self.window.statuses[status] += 1
        if status in GONE and name in ("touch", "refresh", "revoke"):
            return
        if not 200 <= status < 300:
            self.window.wrong.append(f"{name}: {status} {body[:200]!r}")
        elif name == "create":
            data = json.loads(body)["data"]
            self._held.append(Held(held.tenant, held.user, data["session"]["id"], *_pair(data["tokens"])))
        elif name == "refresh":
            self._held.append(Held(held.tenant, held.user, held.id, *_pair(json.loads(body))))

    async def _do(self, name: str, held: Held) -> tuple[int, bytes]:
        of_user, tenant = f"/internal/session/sessions/{held.user}", held.tenant
        match name:
            case "create":
                body = {"auth_user_id": held.user, "device_type": self._chance.choice(("desktop", "mobile"))}
                return await self._ask("POST", "/internal/session/create", body, tenant=tenant)
            case "active":
                return await self._ask("GET", f"{of_user}/active", tenant=tenant)
            case "list":
                return await self._ask("GET", of_user, tenant=tenant)
            case "touch":
                return await self._ask("POST", f"/internal/session/{held.id}/activity", {}, tenant=tenant)
            case "validate":
                body = {"access_token": held.access}
                return await self._ask("POST", "/internal/session/validate-token", body, tenant=tenant)
            case "refresh":
                return await self._ask("POST", "/sessions/refresh", {"refresh_token": held.refresh})
            case "revoke":
                return await self._ask("DELETE", f"/internal/session/{held.id}", tenant=tenant)
            case "stats":
                return await self._ask("GET", "/admin/sessions/stats", bearer=self._admins[tenant])
            case _:
                path = "/admin/sessions?count=none&limit=20&device_type=mobile"
                return await self._ask("GET", path, bearer=self._admins[tenant])

    async def _ask(
        self, method: str, path: str, body: object = None, *, tenant: str | None = None, bearer: str | None = None
    ) -> tuple[int, bytes]:
        content = b"" if body is None else json.dumps(body).encode()
        fields = [f"{method} {path} HTTP/1.1", "Host: localhost"]
        fields += [f"Authorization: {bearer}"] if bearer else []
        fields += [f"X-API-Key: {API_KEY}", f"X-Tenant-ID: {tenant}"] if tenant else []
        fields += ["Content-Type: application/json", f"Content-Length: {len(content)}"] if content else []
        head = "\r\n".join(fields) + "\r\n\r\n"
        connection = await self._free.get()
        try:
            answer, connection = await self._exchange(connection, head.encode() + content)
            return answer
        except (OSError, asyncio.IncompleteReadError) as error:
            if connection is not None:
                connection[1].close()
            connection = None
            return 0, repr(error).encode()
        finally:
            self._free.put_nowait(connection)

    async def _exchange(
        self, connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None, sent: bytes
    ) -> tuple[tuple[int, bytes], tuple[asyncio.StreamReader, asyncio.StreamWriter] | None]:
        reader, writer = connection or await asyncio.open_connection("127.0.0.1", self._port)
        writer.write(sent)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        lines = head.lower().split("\r\n")
        fields = dict(line.split(": ", 1) for line in lines[1:] if ": " in line)
        body = await reader.readexactly(int(fields.get("content-length", "0")))
        closes = fields.get("connection") == "close"
        if closes:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
        return (int(lines[0].split()[1]), body), None if closes else (reader, writer)


def _pair(tokens: dict[str, str]) -> tuple[str, str]:
    return tokens["access_token"], tokens["refresh_token"]
