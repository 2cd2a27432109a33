import { Verifier } from "@sojourn/verify";

/** One for the proxy and all routes: each of them has its own copy of this file, and a build imports it without settings. */
export function verifier() {
  const { SOJOURN_URL: url, SOJOURN_API_KEY: apiKey } = process.env;
  return (globalThis.sojournVerifier ??= new Verifier({ url, apiKey }));
}
