// Next.js: `proxy.js` (`middleware.js` before Next.js 16) exports `bearer(verifier)`; then pages ask `sessionOf`.

import { Refused } from "../errors.js";
import type { Session } from "../session.js";
import type { Verifier } from "../verifier.js";
import { check, tokenOf, type Rules } from "./web.js";

/** Lets requests with a valid token pass. Others are responded to: 401, 403, or 503 when that is not known. */
export function bearer(verifier: Verifier, rules: Rules = {}) {
  return async (request: Request): Promise<Response | undefined> => {
    const found = await check(verifier, request.headers.get("Authorization"), rules);
    return "session" in found ? undefined : new Response(found.refusal.body, found.refusal);
  };
}

/**
 * The session of a request, in a page, a route or a server action: `await sessionOf(await headers(), verifier)`.
 *
 * The token is checked again, and no header is believed that the proxy could have set: where a mistake in its `matcher`
 * lets a request pass, a client could set it too. Throws Refused without a valid token, and Stale when that is not known.
 */
export async function sessionOf(headers: Pick<Headers, "get">, verifier: Verifier): Promise<Session> {
  const token = tokenOf(headers.get("Authorization"));
  if (token === undefined) throw new Refused("invalid_token");
  return verifier.verify(token);
}
