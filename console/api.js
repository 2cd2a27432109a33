// Requests to the contract's operations. A refusal is thrown as the problem document that it is.

export class Problem extends Error {
  constructor(status, document, requestId) {
    super(document.title || `HTTP ${status}`);
    this.status = status;
    this.document = document;
    this.requestId = document.request_id || requestId;
  }
}

/** The server cannot be reached. */
export class Offline extends Error {}

/**
 * What a request is sent with: `key` instead of the bearer token; `match`, the tag that the thing must still have.
 *
 * @typedef {object} More
 * @property {Record<string, unknown>} [query]
 * @property {unknown} [body]
 * @property {string} [key]
 * @property {AbortSignal} [signal]
 * @property {string} [match]
 * @property {boolean} [tagged]
 */

/**
 * A client of the server at `base`. `token` gives the bearer token, or a promise of it; `refused` is called when the
 * server no longer takes it. `language` gives the language in which problems are explained. With `tagged`, a request gives
 * `{content, tag}`; `match` is the tag that the thing must still have, else the request is refused with 412.
 */
export function client({ base, token, language, refused = () => {} }) {
  /**
   * @param {string} method
   * @param {string} path
   * @param {More} more
   */
  async function call(method, path, { query, body, key, signal, match, tagged } = {}) {
    const address = new URL(path.replace(/^\//, ""), base);
    for (const [name, value] of Object.entries(query || {})) {
      if (value !== undefined && value !== null && value !== "") address.searchParams.set(name, String(value));
    }
    const headers = { Accept: "application/json, application/problem+json", "Accept-Language": language() };
    if (key) headers["X-API-Key"] = key;
    else headers.Authorization = `Bearer ${await token()}`;
    if (match) headers["If-Match"] = match;
    if (body !== undefined) headers["Content-Type"] = "application/json";
    let response;
    try {
      const text = body === undefined ? undefined : JSON.stringify(body);
      response = await fetch(address, { method, headers, body: text, signal, credentials: "omit", cache: "no-store" });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Offline(error.message);
    }
    const text = await response.text();
    let content = {};
    try { content = text ? JSON.parse(text) : {}; } catch { /* a proxy's page */ }
    if (response.ok) return tagged ? { content, tag: response.headers.get("ETag") } : content;
    if (response.status === 401 && !key) refused();
    throw new Problem(response.status, content, response.headers.get("X-Request-ID"));
  }
  return {
    /**
     * @template {string} Path
     * @param {Path} path
     * @param {Record<string, unknown>} [query]
     * @param {More} [more]
     * @returns {Promise<import("./responses.js").Got<Path>>}
     */
    get: (path, query, more) => /** @type {Promise<any>} */ (call("GET", path, { query, ...more })),
    /**
     * @param {string} method
     * @param {string} path
     * @param {unknown} [body]
     * @param {More} [more]
     */
    send: (method, path, body, more) => call(method, path, { body, ...more }),
  };
}

/** Every item of a list that is walked by cursor, however many pages it has. */
export async function every(api, path, query, more) {
  const found = [];
  let cursor;
  do {
    const page = await api.get(path, { ...query, limit: 100, cursor }, more);
    found.push(...page.items);
    cursor = page.pagination.next_cursor;
  } while (cursor);
  return found;
}
