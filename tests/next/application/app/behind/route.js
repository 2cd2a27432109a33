// The proxy does not stand before this route: it checks by itself.
import { Refused } from "@sojourn/verify";
import { sessionOf } from "@sojourn/verify/next";
import { verifier } from "../../verifier.js";

export async function GET(request) {
  try {
    return Response.json((await sessionOf(request.headers, verifier())).subject);
  } catch (error) {
    if (error instanceof Refused) return Response.json(error.reason, { status: 401 });
    throw error;
  }
}
