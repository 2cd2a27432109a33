// What every adapter does, on web requests: for Deno, Bun and edge runtimes also the whole adapter.

import { Refused, Stale } from "../errors.js";
import type { Session } from "../session.js";
import type { Verifier } from "../verifier.js";
import { refuse, type Refusal } from "./refusal.js";

export type { Refusal } from "./refusal.js";

/** Who may pass, beside having a valid token. */
export interface Rules {
  /** One of these roles is required. */
  readonly roles?: readonly string[];
  /** Whatever else the application requires of the session. */
  readonly allow?: (session: Session) => boolean;
}

/** The token of an `Authorization` header (RFC 6750, section 2.1). Undefined where there is none. */
export function tokenOf(authorization: string | null | undefined): string | undefined {
  return /^Bearer +([^ ]+) *$/i.exec(authorization ?? "")?.[1];
}

/** The session of an `Authorization` header, or what is sent instead (RFC 6750, section 3). */
export async function check(
  verifier: Verifier,
  authorization: string | null | undefined,
  { roles, allow }: Rules = {},
): Promise<{ session: Session } | { refusal: Refusal }> {
  const token = tokenOf(authorization);
  if (token === undefined) return refuse(401, "Send an access token: Authorization: Bearer …", "Bearer");
  try {
    const session = await verifier.verify(token);
    const mayPass = (!roles || roles.some((role) => session.roles.includes(role))) && (!allow || allow(session));
    if (mayPass) return { session };
    return refuse(403, "The session may not do this.", 'Bearer error="insufficient_scope"');
  } catch (error) {
    if (error instanceof Refused) {
      return refuse(401, "Refresh the token or sign in again.", `Bearer error="invalid_token", error_description="${error.reason}"`);
    }
    if (error instanceof Stale) return refuse(503, "Sessions cannot be checked now. Try again.", undefined);
    throw error;
  }
}

/** The session of a request, or the response to it: `if (found instanceof Response) return found`. */
export function bearer(verifier: Verifier, rules: Rules = {}): (request: Request) => Promise<Session | Response> {
  return async (request) => {
    const found = await check(verifier, request.headers.get("Authorization"), rules);
    return "session" in found ? found.session : new Response(found.refusal.body, found.refusal);
  };
}
