import { bearer } from "@sojourn/verify/next";
import { verifier } from "./verifier.js";

export function proxy(request) {
  const roles = request.nextUrl.pathname.startsWith("/admin") ? { roles: ["admin"] } : {};
  return bearer(verifier(), roles)(request);
}

export const config = { matcher: ["/me", "/page", "/admin/:path*"] };
