// openid-client at the OAuth forms: it finds them by the metadata and does what a client does. Prints what came of it.

import * as client from "openid-client";

const { url, secret, pair, foreign } = JSON.parse(process.argv[2]);
const EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS = "urn:ietf:params:oauth:token-type:access_token";

const as = (authentication) =>
  client.discovery(new URL(url), "acme", undefined, authentication, { algorithm: "oauth2" });

/** The name and the status of the error that a refusal is. */
const refusal = async (asked) => {
  try {
    await asked;
  } catch (error) {
    return [error.constructor.name, error.error ?? null, error.status];
  }
  return "accepted";
};

const found = {};
for (const [name, way] of Object.entries({ basic: client.ClientSecretBasic, post: client.ClientSecretPost })) {
  const config = await as(way(secret));
  const next = await client.refreshTokenGrant(config, pair[name]);
  const introspected = await client.tokenIntrospection(config, next.access_token);
  const exchange = { subject_token: next.access_token, subject_token_type: ACCESS, audience: "api.example.com" };
  const given = await client.genericGrantRequest(config, EXCHANGE, exchange);
  const seen = await client.tokenIntrospection(config, given.access_token);
  const refused = await refusal(client.refreshTokenGrant(config, foreign));
  await client.tokenRevocation(config, next.refresh_token);
  found[name] = {
    issuer: config.serverMetadata().issuer,
    refreshed: [next.token_type, next.expires_in],
    introspected: [introspected.active, introspected.sub],
    exchanged: [given.issued_token_type, seen.active, seen.sub, seen.aud],
    refused,
    revoked: await client.tokenIntrospection(config, next.access_token),
    wrong: await refusal(client.tokenIntrospection(await as(way("wrong")), next.access_token)),
  };
}
console.log(JSON.stringify(found));
