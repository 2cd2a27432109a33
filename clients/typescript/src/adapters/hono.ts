// Hono: `app.use("/api/*", bearer(verifier))`, then `c.get("session")` is who calls.

import { createMiddleware } from "hono/factory";
import type { Session } from "../session.js";
import type { Verifier } from "../verifier.js";
import { check, type Rules } from "./web.js";

/** Lets requests with a valid token pass. Others are responded to: 401, 403, or 503 when that is not known. */
export function bearer(verifier: Verifier, rules: Rules = {}) {
  return createMiddleware<{ Variables: { session: Session } }>(async (c, next) => {
    const found = await check(verifier, c.req.header("Authorization"), rules);
    if (!("session" in found)) return new Response(found.refusal.body, found.refusal);
    c.set("session", found.session);
    return next();
  });
}
