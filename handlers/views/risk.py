"""How risk looks on the wire: one function per schema of the contract."""

from collections.abc import Sequence
from dataclasses import asdict

from sojourn.domain.clock import Instant
from sojourn.domain.risk import Factor, RiskThresholds, counting, level, recommended_action, score
from sojourn.handlers.views.envelopes import View
from sojourn.storage.queries.risk_facts import Device, DeviceCounts, Sighting


def risk_score_response(parts: Sequence[Factor], thresholds: RiskThresholds, *, now: Instant) -> View:
    """`RiskScoreResponse` of the tenant; that of a session names it besides."""
    points = score(parts)
    return {
        "risk_score": points,
        "risk_level": level(points, thresholds),
        "recommended_action": recommended_action(points, thresholds),
        "factors": [asdict(part) for part in counting(parts)],
        "evaluated_at": now,
    }


def device_risk_response(
    device_id: str, parts: Sequence[Factor], *, counts: DeviceCounts, thresholds: RiskThresholds, now: Instant
) -> View:
    """`DeviceRiskResponse`."""
    points = score(parts)
    return {
        "device_id": device_id,
        "risk_score": points,
        "risk_level": level(points, thresholds),
        "risk_factors": [part.type for part in counting(parts)],
        "total_sessions": counts.total,
        "active_sessions": counts.active,
        "revoked_sessions": counts.revoked,
        "audit_failure_count": counts.reused,
        "evaluated_at": now,
    }


def device_fingerprint_response(
    fingerprint_id: str, device_hash: str, *, device: Device, sightings: Sequence[Sighting], is_trusted: bool
) -> View:
    """`DeviceFingerprintResponse`; the sightings come latest first. What is unknown is left out."""
    latest = sightings[0]
    view = {
        "fingerprint_id": fingerprint_id,
        "device_hash": device_hash,
        "device_type": device.device_type,
        "browser": device.browser,
        "os": device.os,
        "ip": latest.ip,
        "location": latest.geoip,
        "is_trusted": is_trusted,
        "first_seen_at": min(sighting.created_at for sighting in sightings),
        "last_seen_at": max(sighting.last_active_at for sighting in sightings),
    }
    return {name: value for name, value in view.items() if value is not None}
