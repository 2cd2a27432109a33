"""FastAPI with SQLModel as their documentation shows them: an async session per request, response models."""

import secrets
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException, Path, Query
from sqlalchemy import update
from sqlmodel import SQLModel, col, func, select

from benchmarks.peers.creation_model import CreateSessionRequest
from benchmarks.peers.fastapi_sqlmodel.answers import (
    ActiveSessionStatus,
    CreateSessionData,
    CreateSessionDataResponse,
    PageInfo,
    SessionListResponse,
    SessionResponse,
    SessionStatsResponse,
    TokenPairResponse,
)
from benchmarks.peers.fastapi_sqlmodel.dependencies import AdminDep, SessionDep, TenantId, require_api_key
from benchmarks.peers.fastapi_sqlmodel.tables import IssuedToken, Session, SessionCounter, SessionToken
from benchmarks.peers.session_store import as_text, utc_now, uuid7
from benchmarks.peers.token_pair import ACCESS_SECONDS, REFRESH_LIFE, TokenPair, make_pair

UserId = Annotated[str, Path(min_length=1, max_length=255, pattern=r"^\S([^\x00-\x1f\x7f]*\S)?$")]

app = FastAPI()


@app.get(
    "/internal/session/sessions/{user_id}/active",
    response_model=ActiveSessionStatus,
    dependencies=[Depends(require_api_key)],
)
async def check_user_active(user_id: UserId, tenant: TenantId, session: SessionDep) -> ActiveSessionStatus:
    """Whether a user is signed in."""
    count = await _count_active(session, tenant, user_id, as_text(utc_now()))
    return ActiveSessionStatus(active=count > 0, session_count=count)


@app.get(
    "/internal/session/sessions/{user_id}",
    response_model=SessionListResponse,
    response_model_exclude_none=True,
    dependencies=[Depends(require_api_key)],
)
async def list_user_sessions(
    user_id: UserId,
    tenant: TenantId,
    session: SessionDep,
    page: Annotated[int, Query(ge=1, le=2_147_483_647)] = 1,
    page_size: Annotated[int, Query(ge=1, le=500)] = 100,
) -> SessionListResponse:
    """One page of a user's active sessions."""
    now = as_text(utc_now())
    statement = (
        select(Session)
        .where(*_active(tenant, user_id, now))
        .order_by(col(Session.id).desc())
        .offset((page - 1) * page_size)
        .limit(page_size)
    )
    rows = (await session.exec(statement)).all()
    total = len(rows)
    if page > 1 or total == page_size:
        total = await _count_active(session, tenant, user_id, now)
    pages = -(-total // page_size)
    return SessionListResponse(
        items=[SessionResponse.model_validate(row, from_attributes=True) for row in rows],
        total=total,
        pagination=PageInfo(
            page=page,
            page_size=page_size,
            total=total,
            total_pages=pages,
            has_next=page < pages,
            has_prev=page > 1 and total > 0,
        ),
        timestamp=now,
    )


@app.post(
    "/internal/session/create",
    response_model=CreateSessionDataResponse,
    response_model_exclude_none=True,
    status_code=201,
    dependencies=[Depends(require_api_key)],
)
async def create_session(
    body: CreateSessionRequest, tenant: TenantId, session: SessionDep
) -> CreateSessionDataResponse:
    """Record a sign-in."""
    now = utc_now()
    created = Session(
        **body.model_dump(mode="json", exclude={"auth_user_id", "username", "amr"}),
        id=f"sess_{uuid7(now)}",
        tenant_id=tenant,
        user_id=body.auth_user_id,
        amr=",".join(body.amr) if body.amr else None,
        created_at=as_text(now),
        authenticated_at=as_text(now),
        last_active_at=as_text(now),
        expires_at=as_text(now + timedelta(hours=24)),
        idle_expires_at=as_text(now + timedelta(hours=4)),
        due_at=as_text(now + timedelta(hours=4)),
    )
    pair = make_pair(tenant, created.id, body.model_dump(), now)
    session.add(created)
    session.add_all(_token_rows(created, pair, now))
    await session.flush()
    await _count_created(session, tenant, created.device_type or "unknown")
    await session.commit()
    answer = SessionResponse.model_validate(created, from_attributes=True)
    tokens = TokenPairResponse(**pair.view())
    return CreateSessionDataResponse(data=CreateSessionData(session=answer, tokens=tokens), timestamp=as_text(now))


@app.get("/admin/sessions/stats", response_model=SessionStatsResponse)
async def get_session_stats(admin: AdminDep, session: SessionDep) -> SessionStatsResponse:
    """A tenant's numbers."""
    tenant, now = admin["tenant_id"], as_text(utc_now())
    counters = (await session.exec(select(SessionCounter).where(SessionCounter.tenant_id == tenant))).all()
    if not counters:
        raise HTTPException(404, "Tenant not found")
    due = col(Session.due_at)
    uncounted = (
        await session.exec(
            select(func.count()).select_from(Session).where(Session.tenant_id == tenant, due.is_not(None), due <= now)
        )
    ).one()
    devices = {counter.device_type: counter.value for counter in counters if counter.kind == "created"}
    totals = {counter.kind: counter.value for counter in counters if counter.kind != "created"}
    total, revoked = sum(devices.values()), totals.get("revoked", 0)
    expired = totals.get("expired", 0) + uncounted
    return SessionStatsResponse(
        user_id=admin["sub"],
        total_sessions=total,
        active_sessions=total - revoked - expired,
        expired_sessions=expired,
        revoked_sessions=revoked,
        device_breakdown=devices,
        updated_at=now,
    )


def _token_rows(of: Session, pair: TokenPair, now: datetime) -> list[SQLModel]:
    refresh_end = as_text(now + REFRESH_LIFE)
    access_end = as_text(now + timedelta(seconds=ACCESS_SECONDS))
    state = SessionToken(
        tenant_id=of.tenant_id,
        session_id=of.id,
        nonce=secrets.token_hex(32),
        token_hash=pair.refresh_hash,
        rotated_at=of.created_at,
        expires_at=refresh_end,
        client_id=of.app_id,
    )
    issued = (
        (pair.refresh_id, "refresh", pair.refresh_hash, refresh_end),
        (pair.access_id, "access", pair.access_hash, access_end),
    )
    return [
        state,
        *[
            IssuedToken(
                tenant_id=of.tenant_id,
                id=token_id,
                session_id=of.id,
                user_id=of.user_id,
                token_type=kind,
                token_hash=token_hash,
                created_at=of.created_at,
                expires_at=end,
                ip=of.ip,
                user_agent=of.user_agent,
            )
            for token_id, kind, token_hash, end in issued
        ],
    ]


async def _count_active(session: SessionDep, tenant: str, user_id: str, now: str) -> int:
    statement = select(func.count()).select_from(Session).where(*_active(tenant, user_id, now))
    return (await session.exec(statement)).one()


async def _count_created(session: SessionDep, tenant: str, device_type: str) -> None:
    one = (
        SessionCounter.tenant_id == tenant,
        SessionCounter.kind == "created",
        SessionCounter.device_type == device_type,
    )
    statement = update(SessionCounter).where(*one).values(value=SessionCounter.value + 1)
    if (await session.exec(statement)).rowcount == 0:
        session.add(SessionCounter(tenant_id=tenant, kind="created", device_type=device_type, value=1))


def _active(tenant: str, user_id: str, now: str) -> tuple[object, ...]:
    return (
        Session.tenant_id == tenant,
        Session.user_id == user_id,
        col(Session.revoked_at).is_(None),
        Session.expires_at > now,
        Session.idle_expires_at > now,
    )
