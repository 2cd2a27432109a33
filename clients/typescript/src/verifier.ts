// Checks access tokens without asking the server for each.

import { compactVerify, decodeJwt, decodeProtectedHeader } from "jose";
import { Api, NoResponse } from "./api.js";
import { systemClock, type Clock } from "./clock.js";
import { Refused, Stale, type Reason } from "./errors.js";
import { Feed } from "./feed.js";
import { issuedUntil, judge, type Terms } from "./judge.js";
import { Keys } from "./keys.js";
import { nameOf } from "./refusals.js";
import { sessionOf, type Claims, type Session } from "./session.js";

const COMPACT = /^[\w-]+\.[\w-]+\.[\w-]+$/;
const TIMEOUT = 5_000;

/** How to make a verifier. Durations are in seconds. */
export interface Options {
  /** Where the server is, such as `https://sessions.example`. */
  readonly url: string;
  /** An API key with the scopes `events` and `tokens`. */
  readonly apiKey: string;
  /** Whom tokens must be for (RFC 9068, section 4). By default `sojourn`, as the server's own API. */
  readonly audience?: string;
  /** The one tenant of all tokens. By default every tenant that the key covers. */
  readonly tenant?: string;
  /** After so long without hearing from the server nothing is accepted. By default 10. */
  readonly maxStaleness?: number;
  /** How far clocks may be off. By default 5, as the server's `SOJOURN_JWT_LEEWAY`. */
  readonly leeway?: number;
  /** How many verified signatures are remembered. By default 10,000. */
  readonly remembered?: number;
  /** How long an unknown key is not asked for again. By default 30. */
  readonly keyCoolDown?: number;
  /** For tests. */
  readonly clock?: Clock;
}

/** What one check may ask for. */
export interface CheckOptions {
  /** Ask the server, whatever is known here. */
  readonly online?: boolean;
  /** The device that the token came from. Only the server knows the session's: asks it. */
  readonly deviceFingerprint?: string;
}

/** A token whose signature holds. `good` is the revision of the refusals at which it was valid. */
interface Remembered {
  readonly session: Session;
  readonly kid: string;
  readonly until: number;
  good: number;
  cleared: number;
}

/** Numbers for a monitoring system. */
export interface Metrics {
  readonly feedAgeSeconds: number;
  readonly checks: number;
  readonly refused: number;
  readonly stale: number;
  readonly online: number;
  readonly signatures: number;
  readonly keyFetches: number;
  readonly snapshots: number;
  readonly remembered: number;
  readonly refusals: number;
}

/** Verifies access tokens. Begins to follow the server at the first `verify`, or with `start`; ends with `close`. */
export class Verifier {
  readonly #api: Api;
  readonly #keys: Keys;
  readonly #feed: Feed;
  readonly #clock: Clock;
  readonly #terms: Terms;
  readonly #maxStaleness: number;
  readonly #most: number;
  readonly #remembered = new Map<string, Remembered>();
  readonly #endedHere = new Map<string, number>(); // until when, by `clock.elapsed()`
  readonly #ended = new AbortController();
  readonly #counts = { checks: 0, refused: 0, stale: 0, online: 0, signatures: 0 };
  #following: Promise<void> | undefined;

  constructor({ url, apiKey, audience = "sojourn", tenant, maxStaleness = 10, leeway = 5, ...more }: Options) {
    if (!(maxStaleness > 0)) throw new RangeError("maxStaleness: want more than 0 seconds");
    if (!(leeway >= 0)) throw new RangeError("leeway: want 0 seconds or more");
    this.#clock = more.clock ?? systemClock;
    this.#api = new Api(url, apiKey, tenant);
    this.#keys = new Keys(this.#api, this.#clock, (more.keyCoolDown ?? 30) * 1000);
    this.#feed = new Feed(this.#api, this.#keys, this.#clock, maxStaleness * 1000);
    this.#terms = { audience, leeway, tenant };
    this.#maxStaleness = maxStaleness * 1000;
    this.#most = more.remembered ?? 10_000;
  }

  /** Begin to follow the server. Resolves when tokens can be judged. Throws Stale when that takes too long. */
  async start(): Promise<void> {
    if (this.#ended.signal.aborted) throw new Stale("the verifier is closed");
    this.#following ??= this.#feed.run(this.#ended.signal);
    const deadline = this.#clock.elapsed() + this.#maxStaleness;
    while (this.#isStale() && this.#clock.elapsed() < deadline && !this.#ended.signal.aborted) {
      await this.#feed.heard(Math.max(1, Math.min(deadline - this.#clock.elapsed(), 250)));
    }
    this.#requireFresh();
  }

  /** Stop following. Leaves no timer and no connection. Nothing is accepted afterwards. */
  async close(): Promise<void> {
    this.#ended.abort(new Stale("the verifier is closed"));
    await this.#following;
    this.#remembered.clear();
  }

  /**
   * Who calls with this token. Throws Refused when it is not valid, and Stale when that is not known: the server has
   * not been heard for `maxStaleness`, or does not respond where it must be asked.
   */
  verify(token: string, options?: CheckOptions): Promise<Session> {
    this.#counts.checks++;
    if (options === undefined) {
      const known = this.#remembered.get(token);
      if (known?.good === this.#feed.refusals.revision && !this.#isStale() && this.#now() < known.until) {
        return Promise.resolve(known.session);
      }
    }
    return this.#verify(token, options ?? {}).catch((error: unknown) => this.#counted(error));
  }

  /**
   * Refuse the tokens of a session from now on: for who has just ended it, and need not wait for the feed. Call it
   * after the server's response. It is remembered for `maxStaleness`; by then the feed said it.
   */
  refuse(tenant: string, sessionId: string): void {
    const now = this.#clock.elapsed();
    for (const [name, until] of this.#endedHere) if (until <= now) this.#endedHere.delete(name);
    this.#endedHere.set(nameOf(tenant, sessionId), now + this.#maxStaleness);
    for (const [text, { session }] of this.#remembered) {
      if (session.tenant === tenant && session.sessionId === sessionId) this.#remembered.delete(text);
    }
  }

  /** Numbers as they are now. */
  get metrics(): Metrics {
    const { fetches } = this.#keys;
    const { age, snapshots, refusals } = this.#feed;
    const sizes = { remembered: this.#remembered.size, refusals: refusals.size };
    return { feedAgeSeconds: age / 1000, ...this.#counts, keyFetches: fetches, snapshots, ...sizes };
  }

  async #verify(token: string, { online = false, deviceFingerprint }: CheckOptions): Promise<Session> {
    if (typeof token !== "string" || !COMPACT.test(token)) throw new Refused("invalid_token");
    if (online || deviceFingerprint !== undefined) return this.#ask(token, deviceFingerprint);
    if (Number.isFinite(this.#feed.age)) this.#requireFresh();
    else await this.start(); // it is waited for the first time only
    const known = this.#remembered.get(token) ?? (await this.#read(token));
    const { session } = known;
    this.#requireFresh();
    if (this.#hasEndedHere(session)) throw new Refused("session_revoked");
    const { refusals } = this.#feed;
    const verdict = judge(session, known.kid, refusals, this.#terms, this.#now());
    const until = issuedUntil(session, refusals);
    if (verdict === "ask" && until > known.cleared) {
      const answer = await this.#ask(token, undefined);
      if (this.#hasEndedHere(session)) throw new Refused("session_revoked");
      known.cleared = until;
      return answer;
    }
    if (verdict !== "good" && verdict !== "ask") throw new Refused(verdict);
    known.good = refusals.revision;
    return session;
  }

  /** A token whose signature holds, remembered from now on. Throws Refused. */
  async #read(token: string): Promise<Remembered> {
    const kid = keyIdOf(token);
    const isRetired = this.#feed.refusals.keys.get(kid) === true;
    const found = isRetired ? this.#keys.known(kid) : await this.#keys.get(kid);
    if (found === undefined) throw new Refused(isRetired ? "key_retired" : "invalid_token");
    this.#counts.signatures++;
    const session = sessionOf(await claimsOf(token, found.key, found.algorithm));
    if (session === undefined) throw new Refused("invalid_token");
    const until = (session.expires + this.#terms.leeway) * 1000;
    const known = { session, kid, until, good: -1, cleared: -Infinity };
    if (until > this.#now()) this.#remember(token, known);
    return known;
  }

  #remember(token: string, known: Remembered): void {
    if (this.#remembered.size >= this.#most) {
      const now = this.#now();
      for (const [text, { until }] of this.#remembered) if (until <= now) this.#remembered.delete(text);
      for (const text of this.#remembered.keys()) {
        if (this.#remembered.size < this.#most) break;
        this.#remembered.delete(text);
      }
    }
    if (this.#most > 0) this.#remembered.set(token, known);
  }

  async #ask(token: string, device_fingerprint: string | undefined): Promise<Session> {
    this.#counts.online++;
    const tenant = this.#terms.tenant ?? tenantOf(token);
    const body = { access_token: token, audience: this.#terms.audience, device_fingerprint };
    const signal = AbortSignal.any([this.#ended.signal, AbortSignal.timeout(TIMEOUT)]);
    const response = await this.#api.post("/internal/session/validate-token", tenant, body, signal).catch((error) => {
      throw error instanceof NoResponse && error.responded === 403 ? new Refused("tenant_mismatch") : error;
    });
    const said = (await response.json()) as { valid: boolean; error?: Reason; claims?: Claims };
    const session = said.valid && said.claims !== undefined ? sessionOf(said.claims) : undefined;
    if (session === undefined) throw new Refused(said.error ?? "invalid_token");
    return session;
  }

  #hasEndedHere({ tenant, sessionId }: Session): boolean {
    if (this.#endedHere.size === 0 || sessionId === undefined) return false;
    return (this.#endedHere.get(nameOf(tenant, sessionId)) ?? -Infinity) > this.#clock.elapsed();
  }

  /** By the server's clock, where that differs. */
  #now(): number {
    return this.#clock.now() + this.#feed.skew;
  }

  #isStale(): boolean {
    return !(this.#feed.age <= this.#maxStaleness) || this.#ended.signal.aborted;
  }

  #requireFresh(): void {
    if (!this.#isStale()) return;
    if (this.#ended.signal.aborted) throw new Stale("the verifier is closed");
    const { age, trouble } = this.#feed;
    const since = Number.isFinite(age) ? `for ${(age / 1000).toFixed(1)} s` : "yet";
    const why = trouble instanceof Error ? `: ${trouble.message}` : "";
    throw new Stale(`the server was not heard ${since}${why}`, { cause: trouble });
  }

  #counted(error: unknown): never {
    if (error instanceof Refused) this.#counts.refused++;
    else this.#counts.stale++;
    throw error;
  }
}

/** The key that a token names. Throws Refused for what is no access token of the service (RFC 9068, section 2.1). */
function keyIdOf(token: string): string {
  try {
    const { typ, kid, crit, b64 } = decodeProtectedHeader(token);
    if (typ === "at+jwt" && typeof kid === "string" && crit === undefined && b64 === undefined) return kid;
  } catch {
    // no header
  }
  throw new Refused("invalid_token");
}

async function claimsOf(token: string, key: Parameters<typeof compactVerify>[1], algorithm: string): Promise<Claims> {
  try {
    const { payload } = await compactVerify(token, key, { algorithms: [algorithm] });
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(payload)) as Claims;
  } catch {
    throw new Refused("invalid_token");
  }
}

function tenantOf(token: string): string {
  try {
    const { tenant_id } = decodeJwt(token);
    if (typeof tenant_id === "string" && /^[A-Za-z0-9._:@|~+=-]+$/.test(tenant_id)) return tenant_id;
  } catch {
    // no claims
  }
  throw new Refused("invalid_token");
}
