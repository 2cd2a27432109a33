// Whether a token whose signature holds is valid: the same rule as the server's, on what the feed tells.

import type { Reason } from "./errors.js";
import { nameOf, type Refusals } from "./refusals.js";
import { texts, type Session } from "./session.js";

/** What a verifier holds tokens against. `leeway` is how far clocks may be off, in seconds. */
export interface Terms {
  readonly audience: string;
  readonly leeway: number;
  readonly tenant?: string | undefined;
}

/** `good`, the reason why not, or `ask`: two instants are so near that only the server knows which was first. */
export type Verdict = "good" | "ask" | Reason;

/** The verdict on a token signed by the key `kid`. `now` is in milliseconds since 1970. The first reason counts. */
export function judge(session: Session, kid: string, known: Refusals, terms: Terms, now: number): Verdict {
  const { tenant, subject, claims } = session;
  const grace = terms.leeway * 1000;
  if ((terms.tenant ?? tenant) !== tenant || known.tenants?.has(tenant) === false) return "tenant_mismatch";
  if (known.keys.get(kid)) return "key_retired";
  if (Math.max(instant(claims["nbf"]), instant(claims["iat"])) > now + grace) return "not_yet_valid";
  if (session.expires * 1000 <= now - grace) return "expired";
  if (!texts(claims["aud"]).includes(terms.audience)) return "audience_mismatch";
  if (known.tokens.get(nameOf(tenant, String(claims["jti"])))) return "blacklisted";
  const cutOff = cutOffOf(tenant, subject, known);
  const issued = issuedAt(claims);
  if (isBefore(issued, cutOff, grace)) return "issued_before_cutoff";
  const name = nameOf(tenant, session.sessionId ?? "");
  const raised = known.elevated.get(name) ?? -Infinity;
  if (isBefore(issued, raised, grace)) return "assurance_raised";
  const ended = known.sessions.get(name);
  if (ended !== undefined) return reasonOf(ended);
  if ((known.suspended.get(name) ?? 0) > now) return "session_suspended";
  return isNear(issued, Math.max(cutOff, raised), grace) ? "ask" : "good";
}

/** Until when what was issued to the session may be refused, in milliseconds: what `ask` is about. */
export function issuedUntil({ tenant, subject, sessionId }: Session, known: Refusals): number {
  return Math.max(cutOffOf(tenant, subject, known), known.elevated.get(nameOf(tenant, sessionId ?? "")) ?? -Infinity);
}

function cutOffOf(tenant: string, subject: string, { cutOffs }: Refusals): number {
  return Math.max(cutOffs.get(nameOf(tenant, subject)) ?? -Infinity, cutOffs.get(nameOf(tenant, "")) ?? -Infinity);
}

/** Why a token of an ended session is refused, by the code of its end. */
function reasonOf(code: string): Reason {
  if (code === "erased") return "session_not_found";
  return code === "idle_timeout" || code === "absolute_timeout" ? "session_expired" : "session_revoked";
}

function isBefore(issued: number, until: number, grace: number): boolean {
  return issued + grace <= until;
}

/** Nearer than clocks may be off; without leeway nothing is. */
function isNear(issued: number, until: number, grace: number): boolean {
  return grace > 0 && issued - grace <= until;
}

/** When it was issued, in milliseconds: its id says it (a UUID of version 7); else the second that `iat` names. */
function issuedAt(claims: Session["claims"]): number {
  const found = /^tok_([0-9a-f]{8})-([0-9a-f]{4})-7/.exec(String(claims["jti"]));
  return found ? parseInt(`${found[1]}${found[2]}`, 16) : instant(claims["iat"]);
}

function instant(claim: unknown): number {
  return typeof claim === "number" ? claim * 1000 : 0;
}
