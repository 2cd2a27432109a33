// A pair of tokens in cookies that only the application can read: encrypted, and split when long. The Python package
// writes the same.

import { base64url } from "jose";

const LONGEST = 3_800; // of one cookie's value: browsers take 4096 bytes with its name and attributes
const MOST = 8; // into so many pieces at most
const NONCE = 12;
const ABOUT = "Path=/; Secure; HttpOnly; SameSite=Lax";

/** An access token and the refresh token that belongs to it. */
export interface Pair {
  readonly access: string;
  readonly refresh: string;
}

/** The cookies of a request, by name. */
export type Cookies = ReadonlyMap<string, string>;

/** The cookies of a `Cookie` header (RFC 6265, section 5.4). Of those with one name the first counts. */
export function cookiesOf(header: string | undefined): Cookies {
  const found = new Map<string, string>();
  for (const part of (header ?? "").split(";")) {
    const equals = part.indexOf("=");
    const name = part.slice(0, equals).trim();
    if (equals > 0 && !found.has(name)) found.set(name, part.slice(equals + 1).trim());
  }
  return found;
}

/** Writes pairs into cookies and reads them (AES-256-GCM). `secrets`: the first one seals, all of them open. */
export class SealedCookies {
  readonly #keys: Promise<CryptoKey[]>;
  readonly #name: string;
  readonly #kept: string;

  constructor(secrets: readonly string[], { name = "__Host-sojourn", maxAge }: { name?: string; maxAge?: number } = {}) {
    if (secrets.length === 0 || secrets.some((secret) => secret.length < 32)) {
      throw new RangeError("secret: want at least 32 characters, such as `openssl rand -base64 32` makes");
    }
    this.#keys = Promise.all(secrets.map(keyOf));
    this.#name = name;
    this.#kept = maxAge === undefined ? "" : `; Max-Age=${maxAge}`;
  }

  /** Whether a name, or the beginning of a `Set-Cookie` header, is of a cookie of ours. */
  owns(text: string): boolean {
    return this.#names().includes(text.split("=")[0] ?? "");
  }

  /** The `Set-Cookie` headers that store a pair in the place of the cookies `present`. Throws RangeError. */
  async write({ access, refresh }: Pair, present: Cookies): Promise<string[]> {
    const [key] = await this.#keys;
    const iv = crypto.getRandomValues(new Uint8Array(NONCE));
    const plain = encoded(JSON.stringify([access, refresh]));
    const sealed = new Uint8Array(await crypto.subtle.encrypt(this.#algorithm(iv), key as CryptoKey, plain));
    const bare = base64url.encode(joined(iv, sealed));
    const text = bare.padEnd(Math.ceil(bare.length / 4) * 4, "=");
    const pieces = text.match(new RegExp(`.{1,${LONGEST}}`, "g")) ?? [];
    if (pieces.length > MOST) throw new RangeError("the tokens are too long for cookies");
    const names = this.#names().slice(0, pieces.length);
    const values = pieces.map((piece, number) => (number === 0 ? `${pieces.length}.${piece}` : piece));
    const written = names.map((name, number) => `${name}=${values[number]}; ${ABOUT}${this.#kept}`);
    return [...written, ...this.clear(new Map([...present].filter(([name]) => !names.includes(name))))];
  }

  /** The pair in the cookies of a request; undefined where there is none that we wrote. */
  async read(cookies: Cookies): Promise<Pair | undefined> {
    const [, count, first] = /^([1-9])\.(.*)$/.exec(cookies.get(this.#name) ?? "") ?? [];
    if (count === undefined) return undefined;
    const rest = this.#names().slice(1, Number(count)).map((name) => cookies.get(name) ?? "");
    const raw = decoded([first, ...rest].join("").replace(/=+$/, ""));
    for (const key of raw === undefined ? [] : await this.#keys) {
      const pair = await this.#opened(raw as Uint8Array<ArrayBuffer>, key).catch(() => undefined);
      if (pair !== undefined) return pair;
    }
    return undefined;
  }

  /** The `Set-Cookie` headers that delete ours of the cookies `present`. */
  clear(present: Cookies): string[] {
    return [...present.keys()].filter((name) => this.owns(name)).map((name) => `${name}=; ${ABOUT}; Max-Age=0`);
  }

  async #opened(raw: Uint8Array<ArrayBuffer>, key: CryptoKey): Promise<Pair> {
    const plain = await crypto.subtle.decrypt(this.#algorithm(raw.slice(0, NONCE)), key, raw.slice(NONCE));
    const [access, refresh] = JSON.parse(new TextDecoder().decode(plain)) as [string, string];
    return { access, refresh };
  }

  #algorithm(iv: Uint8Array<ArrayBuffer>): AesGcmParams {
    return { name: "AES-GCM", iv, additionalData: encoded(this.#name) };
  }

  #names(): string[] {
    return Array.from({ length: MOST }, (_, number) => (number === 0 ? this.#name : `${this.#name}-${number}`));
  }
}

async function keyOf(secret: string): Promise<CryptoKey> {
  const digest = await crypto.subtle.digest("SHA-256", encoded(`sojourn browser session\0${secret}`));
  return crypto.subtle.importKey("raw", digest, "AES-GCM", false, ["encrypt", "decrypt"]);
}

function encoded(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

function decoded(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return new Uint8Array(base64url.decode(text));
  } catch {
    return undefined;
  }
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const whole = new Uint8Array(first.length + second.length);
  whole.set(first);
  whole.set(second, first.length);
  return whole;
}
