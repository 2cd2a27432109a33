// Requests to the server.

import { abortable } from "./clock.js";
import { Stale } from "./errors.js";

/** The cursor is too old, or of another database: only a snapshot helps (410). */
export class CursorExpired extends Error {}

/** A failure that the next attempt may overcome; `refused` when the server understood and refuses. */
export class NoResponse extends Stale {
  constructor(message: string, readonly responded: number, options?: ErrorOptions) {
    super(message, options);
  }
}

/** The server, and the API key that it knows us by. */
export class Api {
  readonly #url: string;
  readonly #headers: Record<string, string>;

  constructor(url: string, apiKey: string, tenant: string | undefined) {
    this.#url = url.replace(/\/+$/, "");
    this.#headers = { "X-API-Key": apiKey, ...(tenant === undefined ? {} : { "X-Tenant-ID": tenant }) };
  }

  /** A response with status 200, or 304. Throws CursorExpired, and NoResponse for any other. */
  async get(path: string, headers: Record<string, string>, signal: AbortSignal): Promise<Response> {
    return this.#fetch(path, { headers: { ...this.#headers, Accept: "application/json", ...headers }, signal });
  }

  /** What is at a path that everybody may read. */
  async getPublic(path: string, signal: AbortSignal): Promise<Response> {
    return this.#fetch(path, { headers: { Accept: "application/json" }, signal });
  }

  /** The response to a JSON body. Throws NoResponse. */
  async post(path: string, tenant: string, body: object, signal: AbortSignal): Promise<Response> {
    const headers = { ...this.#headers, "X-Tenant-ID": tenant, "Content-Type": "application/json" };
    return this.#fetch(path, { method: "POST", headers, body: JSON.stringify(body), signal });
  }

  async #fetch(path: string, init: RequestInit & { signal: AbortSignal }): Promise<Response> {
    let response: Response;
    try {
      response = await abortable(fetch(this.#url + path, init), init.signal);
    } catch (cause) {
      throw new NoResponse(`${this.#url} does not respond: ${String(cause)}`, 0, { cause });
    }
    if (response.status === 200 || response.status === 304) return response;
    const said = (await response.text().catch(() => "")).slice(0, 300);
    if (response.status === 410) throw new CursorExpired();
    throw new NoResponse(`${path.split("?")[0]}: ${response.status} ${said}`, response.status);
  }
}
