// A session that a browser can hold: the pair of tokens is in a cookie that only the application can read, is refreshed
// once however many requests arrive together, and unsafe requests from other sites are refused.

import { Refused, Stale } from "../errors.js";
import type { Session } from "../session.js";
import type { Verifier } from "../verifier.js";
import { refuse, type Refusal } from "../adapters/refusal.js";
import { cookiesOf, SealedCookies, type Cookies, type Pair } from "./sealed_cookies.js";

const SAFE = ["GET", "HEAD", "OPTIONS", "TRACE"];
const REFRESHABLE = ["expired", "not_yet_valid", "session_expired", "assurance_raised"];
const KEPT = 60_000; // milliseconds for which a refresh token has the same successor here
const KEPT_REFRESHES = 10_000;
const MOST_REFRESHES = 8;
const TIMEOUT = 10_000;

/** How to keep sessions in browsers. */
export interface BrowserOptions {
  readonly url: string;
  /** An API key with the scopes `sessions:write` and `tokens`. */
  readonly apiKey: string;
  readonly tenant: string;
  /** Seals the cookies: at least 32 characters. */
  readonly secret: string;
  /** Secrets that this one replaces: what they sealed is still read. */
  readonly secretsBefore?: readonly string[];
  /** Other origins that may send unsafe requests, such as `https://shop.example`. */
  readonly origins?: readonly string[];
  /** For how many seconds a browser keeps the cookie. By default until it is closed; a session may end before. */
  readonly maxAge?: number;
}

/** What is needed of a request. `origin` is the application's own; `write` sets headers `Set-Cookie` of the response. */
export interface Incoming {
  readonly method: string;
  readonly origin: string;
  readonly header: (name: string) => string | undefined;
  readonly write: (cookies: readonly string[]) => void;
}

/** Keeps the sessions of an application's users in their browsers. */
export class BrowserSessions {
  readonly cookies: SealedCookies;
  readonly #origins: readonly string[];
  readonly #options: BrowserOptions;
  readonly #refreshes = new Map<string, { readonly at: number; readonly pair: Promise<Pair | undefined> }>();

  constructor(readonly verifier: Verifier, options: BrowserOptions) {
    const { secret, secretsBefore = [], origins = [], maxAge } = options;
    this.cookies = new SealedCookies([secret, ...secretsBefore], maxAge === undefined ? {} : { maxAge });
    this.#origins = origins;
    this.#options = { ...options, url: options.url.replace(/\/+$/, "") };
  }

  get tenant(): string {
    return this.#options.tenant;
  }

  /** The session of a request, which may be nobody's; what is sent instead where it must not be served: 403, or 503. */
  async open(request: Incoming): Promise<{ browser: BrowserSession } | { refusal: Refusal }> {
    const present = cookiesOf(request.header("cookie"));
    const pair = await this.cookies.read(present);
    const browser = new BrowserSession(this, present, request.write);
    if (pair === undefined) return { browser };
    if (!SAFE.includes(request.method) && !this.#isFromHere(request)) {
      return refuse(403, "The request comes from another site.", undefined);
    }
    try {
      browser.session = await this.#sessionOf(browser, pair);
    } catch (error) {
      if (error instanceof Stale) return refuse(503, "Sessions cannot be checked now. Try again.", undefined);
      throw error;
    }
    return { browser };
  }

  /** The body of the server's response. Throws Stale when there is none, Error when the server refuses. */
  async call(method: string, path: string, body?: object): Promise<unknown> {
    const headers = { "X-API-Key": this.#options.apiKey, "X-Tenant-ID": this.tenant };
    const response = await this.#fetch(method, path, headers, body);
    const text = await response.text();
    if (response.status >= 500 || response.status === 429) throw new Stale(`${path}: status ${response.status}`);
    if (!response.ok) throw new Error(`${path}: ${response.status} ${text.slice(0, 300)}`);
    return text === "" ? undefined : JSON.parse(text);
  }

  /** The session of a pair, or of those that follow it: a browser may send one that was replaced long ago. */
  async #sessionOf(browser: BrowserSession, given: Pair): Promise<Session | undefined> {
    let pair: Pair | undefined = given;
    for (let time = 0; time < MOST_REFRESHES && pair !== undefined; time++) {
      try {
        const session = await this.verifier.verify(pair.access);
        if (pair !== given) await browser.keep(pair);
        return session;
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        pair = REFRESHABLE.includes(error.reason) ? await this.#refreshed(pair.refresh) : undefined;
      }
    }
    await browser.keep(undefined);
    return undefined;
  }

  /** The next pair, asked for once; undefined when the session is over. Throws Stale. */
  #refreshed(refresh: string): Promise<Pair | undefined> {
    const now = performance.now();
    for (const [token, { at }] of this.#refreshes) {
      if (at >= now - KEPT && this.#refreshes.size < KEPT_REFRESHES) break; // the oldest come first
      this.#refreshes.delete(token);
    }
    const known = this.#refreshes.get(refresh);
    if (known !== undefined) return known.pair;
    const pair = this.#refresh(refresh).catch((error: unknown) => {
      this.#refreshes.delete(refresh);
      throw error;
    });
    this.#refreshes.set(refresh, { at: now, pair });
    return pair;
  }

  async #refresh(refresh_token: string): Promise<Pair | undefined> {
    const response = await this.#fetch("POST", "/sessions/refresh", {}, { refresh_token });
    if ([400, 401, 403].includes(response.status)) return undefined;
    if (response.status !== 200) throw new Stale(`the refresh: status ${response.status}`);
    return pairOf(await response.json());
  }

  async #fetch(method: string, path: string, headers: Record<string, string>, body?: object): Promise<Response> {
    const signal = AbortSignal.timeout(TIMEOUT);
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    const type = body === undefined ? {} : { "Content-Type": "application/json" };
    try {
      return await fetch(this.#options.url + path, { method, headers: { ...headers, ...type }, signal, ...sent });
    } catch (cause) {
      throw new Stale(`${path}: ${String(cause)}`, { cause });
    }
  }

  /** By what browsers say of where a request comes from (Fetch Metadata); who says nothing is not from here. */
  #isFromHere({ header, origin: own }: Incoming): boolean {
    const origin = header("origin");
    if (origin !== undefined && this.#origins.includes(origin)) return true;
    const site = header("sec-fetch-site");
    return site !== undefined ? site === "same-origin" : origin === own;
  }
}

/** Who sits at the browser, for one request. `session` is undefined for nobody. Its methods throw Stale, and Error. */
export class BrowserSession {
  session: Session | undefined;

  constructor(
    private readonly sessions: BrowserSessions,
    private readonly present: Cookies,
    private readonly write: (cookies: readonly string[]) => void,
  ) {}

  /**
   * Record that a user signed in here: a new session, whose tokens the browser gets. `about` are other members of
   * `CreateSessionRequest`, such as `ip`, `user_agent`, `amr` and `role`. An earlier session of this browser ends.
   */
  async signIn(userId: string, about: Readonly<Record<string, unknown>> = {}): Promise<void> {
    if (this.session !== undefined) await this.signOut();
    const begun = await this.sessions.call("POST", "/internal/session/create", { auth_user_id: userId, ...about });
    const { id } = (begun as { data: { session: { id: string } } }).data.session;
    const wanted = { session_id: id, tenant_id: this.sessions.tenant, auth_user_id: userId };
    const pair = pairOf(await this.sessions.call("POST", "/internal/session/generate-tokens", wanted));
    await this.keep(pair);
    this.session = await this.sessions.verifier.verify(pair.access);
  }

  /** End the session of this browser. */
  async signOut(): Promise<void> {
    const id = this.session?.sessionId;
    if (id !== undefined) await this.sessions.call("DELETE", `/internal/session/${id}`, { reason_code: "signed_out" });
    await this.#refuse();
  }

  /** End all sessions of the user. */
  async signOutEverywhere(): Promise<void> {
    const user = this.session?.subject;
    if (user !== undefined) {
      await this.sessions.call("DELETE", `/internal/session/session/user/${encodeURIComponent(user)}`);
    }
    await this.#refuse();
  }

  /** Let the browser keep another pair, or none any more. */
  async keep(pair: Pair | undefined): Promise<void> {
    const { cookies } = this.sessions;
    if (pair === undefined) this.session = undefined;
    this.write(pair === undefined ? cookies.clear(this.present) : await cookies.write(pair, this.present));
  }

  /** The server has ended the session: no copy of its tokens is accepted here any more. */
  async #refuse(): Promise<void> {
    const { tenant, sessionId } = this.session ?? {};
    if (tenant !== undefined && sessionId !== undefined) this.sessions.verifier.refuse(tenant, sessionId);
    await this.keep(undefined);
  }
}

function pairOf(tokens: unknown): Pair {
  const { access_token: access, refresh_token: refresh } = tokens as Record<string, string>;
  if (access === undefined || refresh === undefined) throw new Error("the server issued no pair of tokens");
  return { access, refresh };
}
