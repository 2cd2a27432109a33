// The public keys of the server (RFC 7517), read again when a token names an unknown one.

import { importJWK, type CryptoKey, type JWK } from "jose";
import type { Api } from "./api.js";
import type { Clock } from "./clock.js";

const TIMEOUT = 5_000;

/** A key and the one algorithm that it is for. */
export interface Key {
  readonly key: CryptoKey;
  readonly algorithm: string;
}

/** The key set. An unknown key is asked for at most once in `coolDown` milliseconds, however many tokens name one. */
export class Keys {
  fetches = 0;
  #keys = new Map<string, Key>();
  #reading: Promise<void> | undefined;
  #readAt = -Infinity;

  constructor(
    private readonly api: Api,
    private readonly clock: Clock,
    private readonly coolDown: number,
  ) {}

  /** The key of an id, if it was in the set when that was read. */
  known(kid: string): Key | undefined {
    return this.#keys.get(kid);
  }

  /** The key of an id; undefined where there is none. Throws NoResponse when the set cannot be read. */
  async get(kid: string): Promise<Key | undefined> {
    const known = this.#keys.get(kid);
    if (known !== undefined) return known;
    if (this.#reading !== undefined || this.clock.elapsed() - this.#readAt >= this.coolDown) await this.read();
    return this.#keys.get(kid);
  }

  /** Read the set now. What it no longer has is forgotten. Throws NoResponse. */
  read(): Promise<void> {
    this.#reading ??= this.#read().finally(() => (this.#reading = undefined));
    return this.#reading;
  }

  async #read(): Promise<void> {
    this.fetches++;
    const response = await this.api.getPublic("/.well-known/jwks.json", AbortSignal.timeout(TIMEOUT));
    const found = new Map<string, Key>();
    for (const jwk of ((await response.json()) as { keys: JWK[] }).keys) {
      const key = jwk.kid !== undefined && jwk.alg !== undefined ? await importJWK(jwk, jwk.alg) : undefined;
      if (key !== undefined && !(key instanceof Uint8Array)) found.set(jwk.kid!, { key, algorithm: jwk.alg! });
    }
    this.#keys = found;
    this.#readAt = this.clock.elapsed();
  }
}
