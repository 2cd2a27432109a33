// Fastify: `app.addHook("onRequest", bearer(verifier))`, then `sessionOf(request)` is who calls.

import type { FastifyReply, FastifyRequest } from "fastify";
import type { Session } from "../session.js";
import type { Verifier } from "../verifier.js";
import { check, type Rules } from "./web.js";

const sessions = new WeakMap<object, Session>();

/** A hook, or a `preHandler` of one route. Others than valid tokens are responded to: 401, 403, or 503. */
export function bearer(verifier: Verifier, rules: Rules = {}) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
    const found = await check(verifier, request.headers.authorization, rules);
    if ("session" in found) return void sessions.set(request, found.session);
    const { status, headers, body } = found.refusal;
    return reply.code(status).headers(headers).send(body);
  };
}

/** The session of a request that has passed. Throws Error for another: that is a mistake of the application. */
export function sessionOf(request: FastifyRequest): Session {
  const session = sessions.get(request);
  if (session === undefined) throw new Error("bearer(verifier) does not stand before this handler");
  return session;
}
