// Everything that is refused, as the feed tells it: what a snapshot lists and what events add to it.

/** One item of `GET /internal/revocations`, or of the same form made from an event. Instants are RFC 3339. */
export interface Item {
  readonly kind: string;
  readonly tenant_id: string;
  readonly forget_at?: string | undefined;
  readonly session_id?: string | undefined;
  readonly reason_code?: string | undefined;
  readonly until?: string | undefined;
  readonly jti?: string | undefined;
  readonly user_id?: string | undefined;
  readonly token_type?: string | undefined;
  readonly issued_until?: string | undefined;
  readonly kid?: string | undefined;
}

/** One event of `GET /internal/events`. */
export interface FeedEvent {
  readonly type: string;
  readonly tenant_id: string;
  readonly occurred_at: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** The types of events that say that something is refused, or no longer. */
export const EVENT_TYPES = [
  "session.ended",
  "session.elevated",
  "session.suspended",
  "session.reactivated",
  "tokens.refused",
  "token.refused",
  "signing_key.retired",
] as const;

const MARGIN = 60_000; // remembered so much longer, in milliseconds: a clock may be set back

/** What is refused of one kind: by name, what else is to be known of it, and until when. Milliseconds since 1970. */
class Kind<T> {
  readonly #entries = new Map<string, readonly [value: T, forgetAt: number]>();

  get(name: string): T | undefined {
    return this.#entries.get(name)?.[0];
  }

  set(name: string, value: T, forgetAt: string | undefined): void {
    const until = forgetAt === undefined ? Infinity : Date.parse(forgetAt);
    this.#entries.set(name, [value, Math.max(until, this.#entries.get(name)?.[1] ?? until)]);
  }

  delete(name: string): void {
    this.#entries.delete(name);
  }

  forget(now: number): void {
    for (const [name, [, forgetAt]] of this.#entries) if (forgetAt + MARGIN <= now) this.#entries.delete(name);
  }

  get size(): number {
    return this.#entries.size;
  }
}

/**
 * What is refused. `revision` grows with every change, so that a judgement can be remembered. `tenants` are those of
 * which it is known, undefined for all: the API key covers no others.
 */
export class Refusals {
  revision = 0;
  tenants: ReadonlySet<string> | undefined;
  readonly sessions = new Kind<string>(); // why it ended
  readonly suspended = new Kind<number>(); // until when
  readonly elevated = new Kind<number>(); // tokens issued until then
  readonly tokens = new Kind<true>();
  readonly cutOffs = new Kind<number>(); // tokens issued until then
  readonly keys = new Kind<true>();

  /** Add an item. One of an unknown kind, of a later release, changes nothing. */
  add(item: Item): void {
    const { tenant_id: tenant, forget_at, session_id = "", issued_until = "" } = item;
    const session = nameOf(tenant, session_id);
    this.revision++;
    if (item.kind === "session") this.sessions.set(session, item.reason_code ?? "", forget_at);
    else if (item.kind === "token") this.tokens.set(nameOf(tenant, item.jti ?? ""), true, forget_at);
    else if (item.kind === "key") this.keys.set(item.kid ?? "", true, forget_at);
    else if (item.kind === "suspension") {
      this.suspended.set(session, item.until === undefined ? Infinity : Date.parse(item.until), forget_at);
    } else if (item.kind === "cut_off" && item.token_type === "access") {
      const [kind, whose] = session_id ? [this.elevated, session] : [this.cutOffs, nameOf(tenant, item.user_id ?? "")];
      kind.set(whose, latest(kind.get(whose), issued_until), forget_at);
    }
  }

  /** Add what an event says. */
  hear(event: FeedEvent): void {
    if (event.type === "session.reactivated") {
      const session = nameOf(event.tenant_id, String(event.data["session_id"]));
      this.revision++;
      this.suspended.delete(session);
      this.sessions.delete(session);
    } else for (const item of itemsOf(event)) this.add(item);
  }

  /** Forget what concerns only tokens that have expired. */
  forget(now: number): void {
    for (const kind of this.#kinds()) kind.forget(now);
  }

  get size(): number {
    return this.#kinds().reduce((sum, kind) => sum + kind.size, 0);
  }

  #kinds(): Kind<unknown>[] {
    return [this.sessions, this.suspended, this.elevated, this.tokens, this.cutOffs, this.keys];
  }
}

/** How something of a tenant is named here. No tenant's name has a space. */
export function nameOf(tenant: string, name: string): string {
  return `${tenant} ${name}`;
}

function latest(before: number | undefined, text: string): number {
  return Math.max(before ?? -Infinity, Date.parse(text));
}

function itemsOf({ type, tenant_id, occurred_at, data }: FeedEvent): Item[] {
  const said = data as Partial<Record<keyof Item | "tokens_valid_until" | "then", string>>;
  const { session_id, reason_code, jti, user_id, issued_until, kid, tokens_valid_until: forget_at } = said;
  const about = { tenant_id, forget_at };
  if (type === "session.ended") return [{ kind: "session", ...about, session_id, reason_code }];
  if (type === "session.suspended") {
    const until = said.then === "revoke" ? undefined : said.until;
    return [{ kind: "suspension", ...about, session_id, until }];
  }
  if (type === "session.elevated") {
    return [{ kind: "cut_off", ...about, session_id, token_type: "access", issued_until: occurred_at }];
  }
  if (type === "token.refused" && jti !== undefined) return [{ kind: "token", ...about, jti }];
  if (type === "signing_key.retired") return [{ kind: "key", ...about, kid }];
  if (type === "tokens.refused") {
    const types = Array.isArray(data["token_types"]) ? data["token_types"].map(String) : [];
    return types.map((token_type) => ({ kind: "cut_off", ...about, user_id, token_type, issued_until }));
  }
  return [];
}
