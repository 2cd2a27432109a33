// What is sent instead of what was asked for.

/** What is sent to a caller who does not pass. The body is a problem document (RFC 9457). */
export interface Refusal {
  readonly status: 401 | 403 | 503;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const TITLES = { 401: "Unauthorized", 403: "Forbidden", 503: "Service Unavailable" };

/** What is sent instead: a problem document, with a challenge where one is given. */
export function refuse(
  status: Refusal["status"],
  detail: string,
  challenge: string | undefined,
): { refusal: Refusal } {
  const retry = status === 503 ? { "Retry-After": "1" } : {};
  const more = challenge === undefined ? retry : { "WWW-Authenticate": challenge };
  const headers = { "Content-Type": "application/problem+json", "Cache-Control": "no-store", ...more };
  return { refusal: { status, headers, body: JSON.stringify({ title: TITLES[status], status, detail }) } };
}
