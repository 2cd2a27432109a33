"""The counts of a tenant, from all who tell them, so that time alone does not move them.

A session that expires between two readings is one active session less and one expired session more. So the expired ones
are added to whatever counts the active ones: what is left moves by what is done, and by nothing else.
"""

from sojourn.conformance.world import Tenant, expect

READINGS = 20
"""How often the counts are read until nothing expired while they were."""


def counts_of(tenant: Tenant) -> dict[str, int]:
    """All sessions, the revoked ones, those of each kind of device, and the active ones as four operations count them.

    `active`, `counted`, `listed` and `rows` hold the expired sessions, too.
    """
    for _ in range(READINGS):
        before = statistics_of(tenant)
        active = {
            "active": before["active_sessions"],
            "counted": expect(tenant.admin("count_active_sessions"), 200).json["count"],
            "listed": expect(tenant.admin("list_tenant_sessions", status="active"), 200).json["total"],
            "rows": expect(tenant.admin("list_all_sessions", limit=1), 200).json["total"],
        }
        if statistics_of(tenant)["expired_sessions"] == before["expired_sessions"]:
            break
    counts = {"total": before["total_sessions"], "revoked": before["revoked_sessions"]}
    counts |= {kind: before[kind] for kind in before if kind.startswith("on ")}
    return counts | {name: count + before["expired_sessions"] for name, count in active.items()}


def statistics_of(tenant: Tenant) -> dict[str, int]:
    """The numbers of the statistics; of each kind of device that of `on tablet`, and so on."""
    stats = expect(tenant.admin("get_session_stats"), 200).json
    numbers = {name: value for name, value in stats.items() if name.endswith("_sessions")}
    return numbers | {f"on {kind}": count for kind, count in stats["device_breakdown"].items()}


def moved_by(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    """What is another count than before, and by how much."""
    names = (*before, *(name for name in after if name not in before))
    moved = {name: after.get(name, 0) - before.get(name, 0) for name in names}
    return {name: number for name, number in moved.items() if number}
