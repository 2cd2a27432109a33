// What a valid access token says (RFC 9068, section 2.2).

/** The claims of a token, as they are signed. */
export type Claims = Readonly<Record<string, unknown>>;

/** Who calls. Instants are seconds since 1970. */
export interface Session {
  readonly subject: string;
  readonly tenant: string;
  readonly sessionId: string | undefined;
  readonly clientId: string | undefined;
  readonly amr: readonly string[];
  readonly roles: readonly string[];
  readonly acr: string | undefined;
  readonly authTime: number | undefined;
  readonly expires: number;
  readonly claims: Claims;
}

/** The session that claims name, or undefined where they are not those of an access token of the service. */
export function sessionOf(claims: Claims): Session | undefined {
  const { sub, tenant_id, sid, aud, client_id, acr, auth_time, exp, iat, jti } = claims;
  if (!isText(sub) || !isText(tenant_id) || !isText(jti) || !isNumber(exp) || !isNumber(iat)) return undefined;
  if (!isText(aud) && !Array.isArray(aud)) return undefined;
  return Object.freeze({
    subject: sub,
    tenant: tenant_id,
    sessionId: isText(sid) ? sid : undefined,
    clientId: isText(client_id) ? client_id : undefined,
    amr: texts(claims["amr"]),
    roles: texts(claims["roles"]),
    acr: isText(acr) ? acr : undefined,
    authTime: isNumber(auth_time) ? auth_time : undefined,
    expires: exp,
    claims: Object.freeze(claims),
  });
}

/** The texts of a claim that is one text or a list of them. */
export function texts(claim: unknown): readonly string[] {
  return Object.freeze(isText(claim) ? [claim] : Array.isArray(claim) ? claim.filter(isText) : []);
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function isNumber(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}
