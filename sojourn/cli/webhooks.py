"""`sojourn webhook`: the endpoints to which events are sent."""

import json
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, TypeVar

import click

from sojourn.authentication.vault import Vault
from sojourn.cli import listing
from sojourn.cli.databases import existing_database, with_database
from sojourn.cli.options import TenantParameter, database_url, settings_from
from sojourn.cli.records import record
from sojourn.cli.trail import Trail
from sojourn.domain.clock import Instant, from_text, read_instant, to_text, utc_now
from sojourn.domain.egress import read_allowed
from sojourn.domain.ids import TenantId
from sojourn.domain.values import Tenant
from sojourn.domain.webhooks import Attempt
from sojourn.handlers.views.webhooks import test_response, webhook_response
from sojourn.sending.sender import Sender
from sojourn.settings import Settings
from sojourn.storage.database import Database
from sojourn.storage.queries import deliveries, sending
from sojourn.storage.queries.feed import EVERYBODY
from sojourn.storage.queries.webhooks import WebhookRow
from sojourn.storage.unit_of_work import SystemUnit, UnitOfWork

T = TypeVar("T")
Acting = Callable[[UnitOfWork, WebhookRow], Awaitable[T]]


class InstantParameter(click.ParamType[datetime]):
    """An instant as RFC 3339 writes it."""

    name = "instant"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """The instant that was written; fails with one sentence."""
        if isinstance(value, datetime):
            return value
        try:
            return read_instant(value)
        except ValueError:
            self.fail(f"{value!r} is not an instant such as 2026-04-15T10:30:00Z", param, ctx)


@click.group()
def webhook() -> None:
    """List the endpoints to which events are sent, send one a test, or events again.

    Administrators make, change and delete them with `/admin/webhooks`.
    """


@webhook.command("list")
@click.option("--tenant", type=TenantParameter(), metavar="T", help="Those of this tenant. Without: of every tenant.")
@listing.as_json
@database_url
def list_(tenant: TenantId | None, *, as_json: bool, database_url: str | None) -> None:
    """List the endpoints, oldest first, the disabled ones too. Secrets are never shown."""
    instant = utc_now()
    now = to_text(instant)

    async def find(database: Database) -> list[tuple[WebhookRow, int]]:
        return await database.read(EVERYBODY, sending.endpoints)

    found = with_database(settings_from(database_url=database_url), find, existing=True)
    items = [
        {
            "id": row.id,
            "tenant": row.tenant_id,
            "state": _state(row, now),
            "waiting": waiting,
            "made": listing.ago(row.created_at, instant),
            **webhook_response(row, now),
            **({} if row.client is None else {"client_id": row.client}),
        }
        for row, waiting in found
        if tenant in (None, row.tenant_id)
    ]
    listing.show(
        items,
        columns=("id", "tenant", "state", "waiting", "made", "events", "url"),
        none_yet="an administrator makes one with `POST /admin/webhooks`",
        as_json=as_json,
    )


@webhook.command()
@click.argument("webhook_id", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for programs.")
@database_url
def test(webhook_id: str, *, as_json: bool, database_url: str | None) -> None:
    """Send a test to the endpoint with this ID, now and from here, also if it is disabled.

    The exit status is 1 when the receiver did not accept it. What it answers is not shown, but for its status.
    """
    settings = existing_database(settings_from(database_url=database_url))

    async def send(database: Database) -> tuple[WebhookRow, Attempt]:
        async def nothing(unit: UnitOfWork, row: WebhookRow) -> dict[str, Any]:
            if row.client is not None:
                raise click.ClickException(f"{row.id} is sent logout tokens, and each of them ends a session")
            return {}

        vault = _vault(settings)
        row, _ = await _recorded(database, settings, webhook_id=webhook_id, act=nothing, action="webhook.tested")
        sender = Sender(
            lambda: database,
            utc_now,
            seals=vault,
            allowed=read_allowed(settings.webhook_allow),
            number=database.number_events,
        )
        try:
            return row, await sender.test(row)
        finally:
            await sender.close()

    row, attempt = with_database(settings, send)
    record(settings, "webhook.tested", tenant=row.tenant_id, webhook_id=row.id)
    told = "delivered" if attempt.was_delivered else f"not delivered: {_told(attempt)}"
    click.echo(json.dumps(test_response(attempt)) if as_json else f"{told} ({attempt.duration_ms} ms)")
    if not attempt.was_delivered:
        raise click.exceptions.Exit(1)


@webhook.command()
@click.argument("webhook_id", metavar="ID")
@click.option("--since", type=InstantParameter(), help="The first instant of a period, such as 2026-04-15T10:30:00Z.")
@click.option("--until", type=InstantParameter(), help="The last instant of the period. Without: now.")
@click.option("--delivery", "delivery_id", metavar="ID", help="One event instead of a period, by its `webhook-id`.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for programs.")
@database_url
def replay(
    webhook_id: str,
    *,
    since: datetime | None,
    until: datetime | None,
    delivery_id: str | None,
    as_json: bool,
    database_url: str | None,
) -> None:
    """Send events again to the endpoint with this ID: those of a period, or one. Running servers send them.

    They come with the `webhook-id` that they had.
    """
    if (since is None) == (delivery_id is None) or (delivery_id is not None and until is not None):
        raise click.UsageError("say --since, with or without --until, or --delivery")
    settings = existing_database(settings_from(database_url=database_url))

    async def again(unit: UnitOfWork, row: WebhookRow) -> dict[str, Any]:
        return {"deliveries": await _again(unit, row, delivery_id=delivery_id, since=since, until=until)}

    async def work(database: Database) -> tuple[WebhookRow, dict[str, Any]]:
        return await _recorded(database, settings, webhook_id=webhook_id, act=again, action="webhook.replayed")

    row, did = with_database(settings, work)
    record(settings, "webhook.replayed", tenant=row.tenant_id, webhook_id=row.id, count=did["deliveries"])
    click.echo(json.dumps(did) if as_json else f"events to be sent again: {did['deliveries']}")
    if row.disabled_at is not None:
        click.echo(f"The endpoint is disabled ({row.disabled_because}): they wait until it is enabled.", err=True)


async def _again(
    unit: UnitOfWork, row: WebhookRow, *, delivery_id: str | None, since: datetime | None, until: datetime | None
) -> int:
    """Let one event be sent again, or those of a period; how many. Raises ClickException for one that is not kept."""
    now = to_text(utc_now())
    if since is not None:
        period = {"since": to_text(since), "until": now if until is None else to_text(until)}
        return await deliveries.replay(unit, row, **period, now=now)
    if not await deliveries.replay_one(unit, row.id, delivery_id=str(delivery_id), now=now):
        raise click.ClickException(f"the endpoint {row.id} was never sent {delivery_id}, or it is not kept")
    return 1


async def _recorded(
    database: Database, settings: Settings, *, webhook_id: str, act: Acting[dict[str, Any]], action: str
) -> tuple[WebhookRow, dict[str, Any]]:
    """Do something about an endpoint and record it. Raises ClickException where there is no such endpoint."""
    trail = Trail(settings)
    await database.number_events()
    found = [row for row, _ in await database.read(EVERYBODY, sending.endpoints) if row.id == webhook_id]
    if not found:
        raise click.ClickException(f"no webhook has the id {webhook_id}; see `sojourn webhook list`")
    (row,) = found

    async def work(unit: SystemUnit) -> tuple[WebhookRow, dict[str, Any]]:
        did = await act(unit.of(Tenant(TenantId(row.tenant_id))), row)
        await trail.append(unit, action, target=row.id, of_tenants=[row.tenant_id], after=did or None)
        return row, did

    return await database.write_system(work)


def _vault(settings: Settings) -> Vault:
    """What reads the endpoints' secrets. Raises ClickException when the key file cannot be used."""
    try:
        return Vault.open(settings)
    except OSError as error:
        raise click.ClickException(f"cannot use the key file: {error}") from None


def _state(row: WebhookRow, now: Instant) -> str:
    if row.disabled_at is not None:
        return f"disabled ({row.disabled_because})"
    held = row.held_until is not None and row.held_until > now
    return f"held, {listing.ago(row.held_until or now, from_text(now))}" if held else "sends"


def _told(attempt: Attempt) -> str:
    status = "" if attempt.status is None else f" {attempt.status}"
    return attempt.outcome.replace("_", " ") + status
