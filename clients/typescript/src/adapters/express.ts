// Express: `app.use("/api", bearer(verifier))`, then `sessionOf(request)` is who calls.

import type { NextFunction, Request, Response } from "express";
import type { Session } from "../session.js";
import type { Verifier } from "../verifier.js";
import { check, type Rules } from "./web.js";

const sessions = new WeakMap<object, Session>();

/** Lets requests with a valid token pass. Others are responded to: 401, 403, or 503 when that is not known. */
export function bearer(verifier: Verifier, rules: Rules = {}) {
  return (request: Request, response: Response, next: NextFunction): void => {
    check(verifier, request.get("Authorization"), rules).then((found) => {
      if ("session" in found) {
        sessions.set(request, found.session);
        next();
      } else {
        const { status, headers, body } = found.refusal;
        response.status(status).set(headers).send(body);
      }
    }, next);
  };
}

/** The session of a request that has passed. Throws Error for another: that is a mistake of the application. */
export function sessionOf(request: Request): Session {
  const session = sessions.get(request);
  if (session === undefined) throw new Error("bearer(verifier) does not stand before this handler");
  return session;
}
