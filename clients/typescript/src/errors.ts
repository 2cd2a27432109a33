// Why a token is not accepted. The words are those of `POST /internal/session/validate-token`.

/** Why a token is refused: the name of the first fact against it. */
export type Reason =
  | "invalid_token"
  | "key_retired"
  | "issued_before_restore"
  | "not_yet_valid"
  | "expired"
  | "tenant_mismatch"
  | "audience_mismatch"
  | "blacklisted"
  | "issued_before_cutoff"
  | "assurance_raised"
  | "session_not_found"
  | "session_revoked"
  | "session_expired"
  | "session_suspended"
  | "user_mismatch"
  | "device_mismatch";

// A bundler can give each part of an application its own copy of these classes: an error of any copy is an instance.
const REFUSED = Symbol.for("@sojourn/verify: Refused");
const STALE = Symbol.for("@sojourn/verify: Stale");
const isMarked = (value: unknown, mark: symbol): boolean => typeof value === "object" && value !== null && mark in value;

/** The token is refused. A server responds 401. */
export class Refused extends Error {
  override readonly name = "Refused";
  readonly [REFUSED] = true;

  static override [Symbol.hasInstance](value: unknown): boolean {
    return isMarked(value, REFUSED);
  }

  constructor(readonly reason: Reason) {
    super(`the access token is refused: ${reason}`);
  }
}

/** Whether the token is valid is not known now. It is never accepted then. A server responds 503. */
export class Stale extends Error {
  override readonly name = "Stale";
  readonly [STALE] = true;

  static override [Symbol.hasInstance](value: unknown): boolean {
    return this === Stale ? isMarked(value, STALE) : super[Symbol.hasInstance](value);
  }

  /** What Express and Fastify respond with where a handler does not catch it. */
  readonly status = 503;
}
