// The first tokens of a session: a signed access token (EdDSA) and a random refresh token, both kept as hashes.
import { createHash, generateKeyPairSync, randomBytes, sign } from "node:crypto";

export const ACCESS_SECONDS = 900;
export const REFRESH_SECONDS = 24 * 3600;
const { privateKey } = generateKeyPairSync("ed25519");
const head = segment({ alg: "EdDSA", typ: "at+jwt", kid: randomBytes(16).toString("hex") });

export function makePair(row, amr) {
  const issued = Math.floor(Date.parse(row.created_at) / 1000);
  const accessId = `tok_${randomBytes(16).toString("hex")}`;
  const signed = `${head}.${segment({
    iss: "benchmark",
    sub: row.user_id,
    aud: "benchmark",
    iat: issued,
    exp: issued + ACCESS_SECONDS,
    jti: accessId,
    sid: row.id,
    tenant_id: row.tenant_id,
    client_id: row.app_id ?? "unspecified",
    roles: row.role ? [row.role] : [],
    amr: amr ?? [],
    auth_time: issued,
    gen: 0,
  })}`;
  const access = `${signed}.${sign(null, Buffer.from(signed), privateKey).toString("base64url")}`;
  const refresh = `rt_${randomBytes(48).toString("base64url")}`;
  return {
    access: { text: access, id: accessId, hash: hashOf(access), type: "access", seconds: ACCESS_SECONDS },
    refresh: {
      text: refresh,
      id: `tok_${randomBytes(16).toString("hex")}`,
      hash: hashOf(refresh),
      type: "refresh",
      seconds: REFRESH_SECONDS,
    },
  };
}

function segment(value) {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

function hashOf(text) {
  return createHash("sha256").update(text).digest("hex");
}
