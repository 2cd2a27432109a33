// A real OpenID provider for the tests: `node provider.mjs ISSUER CONSOLE`. Anybody signs in with any password; the
// name of who signs in says the role. CONSOLE is the address of the server whose pages are its client.

import Provider from "oidc-provider";

const [issuer, console_] = process.argv.slice(2);
const audience = "https://sessions.example.com";

const provider = new Provider(issuer, {
  clients: [{
    client_id: "sojourn-console", token_endpoint_auth_method: "none", grant_types: ["authorization_code"],
    response_types: ["code"], redirect_uris: [`${console_}/console`, `${console_}/account`],
  }],
  clientBasedCORS: () => true,
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  extraTokenClaims: (_, token) => ({ tenant_id: "watched", roles: [token.accountId.split("-")[0]] }),
  features: {
    devInteractions: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => audience,
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({ scope: "openid", audience, accessTokenFormat: "jwt", accessTokenTTL: 600 }),
    },
  },
});
provider.listen(Number(new URL(issuer).port), "127.0.0.1", () => process.stdout.write("ready\n"));
