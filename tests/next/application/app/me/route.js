import { sessionOf } from "@sojourn/verify/next";
import { verifier } from "../../verifier.js";

export async function GET(request) {
  const { subject, tenant, sessionId } = await sessionOf(request.headers, verifier());
  return Response.json({ subject, tenant, sessionId });
}
