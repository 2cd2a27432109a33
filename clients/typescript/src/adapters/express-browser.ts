// Express: `app.use(browser(sessions))`, then `browserOf(request)` is the session that the browser holds.

import type { NextFunction, Request, Response } from "express";
import { BrowserSessions, type BrowserSession } from "../browser/sessions.js";

export { BrowserSession, BrowserSessions, type BrowserOptions } from "../browser/sessions.js";

const found = new WeakMap<object, BrowserSession>();

/** Reads the browser's cookie, and writes what has changed into the response. Others are responded to: 403, or 503. */
export function browser(sessions: BrowserSessions) {
  return (request: Request, response: Response, next: NextFunction): void => {
    const write = (cookies: readonly string[]): void => {
      const others = [response.getHeader("Set-Cookie") ?? []].flat().map(String);
      response.setHeader("Set-Cookie", [...others.filter((line) => !sessions.cookies.owns(line)), ...cookies]);
    };
    const header = (name: string): string | undefined => request.get(name);
    const origin = `${request.protocol}://${request.get("host")}`;
    response.vary("Cookie");
    sessions.open({ method: request.method, origin, header, write }).then((outcome) => {
      if ("browser" in outcome) {
        found.set(request, outcome.browser);
        next();
      } else {
        const { status, headers, body } = outcome.refusal;
        response.status(status).set(headers).send(body);
      }
    }, next);
  };
}

/** The session at the browser that sent a request. Throws Error where the middleware does not stand before. */
export function browserOf(request: Request): BrowserSession {
  const session = found.get(request);
  if (session === undefined) throw new Error("browser(sessions) does not stand before this handler");
  return session;
}
