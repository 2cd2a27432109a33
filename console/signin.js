// Signing in at the organisation's issuer: authorization code with PKCE (RFC 7636), as a public client.
//
// The code comes back in the fragment (`response_mode=fragment`): no server and no log sees it. What has to last while
// one is away, the verifier and the state, stands in the storage of the tab and is taken out on return.

import { facts } from "./page.js";

const KEPT = "sojourn-sign-in";
const client = { client_id: facts.clientId };
const here = `${location.origin}${location.pathname}`;

/** The library, which most visits do not need, what its requests are sent with, and what the issuer says of itself. */
async function discover() {
  const oauth = await import("./oauth4webapi.js");
  const options = facts.issuer.startsWith("http:") ? { [oauth.allowInsecureRequests]: true } : {};
  const issuer = new URL(facts.issuer);
  return { oauth, options, server: await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, options)) };
}

/** Go to the issuer; the page is left. */
export async function begin() {
  const { oauth, server } = await discover();
  const kept = { verifier: oauth.generateRandomCodeVerifier(), state: oauth.generateRandomState(), to: location.hash };
  sessionStorage.setItem(KEPT, JSON.stringify(kept));
  const address = new URL(server.authorization_endpoint);
  const asked = {
    client_id: facts.clientId, redirect_uri: here, response_type: "code", response_mode: "fragment", scope: facts.scope,
    state: kept.state, code_challenge: await oauth.calculatePKCECodeChallenge(kept.verifier), code_challenge_method: "S256",
  };
  for (const [name, value] of Object.entries(asked)) address.searchParams.set(name, value);
  location.assign(address);
}

/** What the issuer sent back with the reader, if the reader comes from there. It is taken out of the address. */
export function returned() {
  const response = new URLSearchParams(location.hash.slice(1));
  const kept = JSON.parse(sessionStorage.getItem(KEPT) || "null");
  if (!response.has("state") || !(response.has("code") || response.has("error"))) return null;
  sessionStorage.removeItem(KEPT);
  history.replaceState(null, "", `${location.pathname}${kept?.to || "#/"}`);
  return { response, kept };
}

/** The access token for that. Raises what `oauth4webapi` raises, also when nobody here asked for it. */
export async function finish({ response, kept }) {
  if (!kept) throw new Error("this page did not ask to sign in");
  const { oauth, options, server } = await discover();
  const checked = oauth.validateAuthResponse(server, client, response, kept.state);
  const sent = await oauth.authorizationCodeGrantRequest(server, client, oauth.None(), checked, here, kept.verifier, options);
  return (await oauth.processAuthorizationCodeResponse(server, client, sent)).access_token;
}
