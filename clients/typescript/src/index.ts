/** Checks access tokens of Sojourn locally, and refuses them within a second of a revocation. */

export { Refused, Stale, type Reason } from "./errors.js";
export type { Claims, Session } from "./session.js";
export { Verifier, type CheckOptions, type Metrics, type Options } from "./verifier.js";
