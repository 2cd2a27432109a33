import { headers } from "next/headers";
import { sessionOf } from "@sojourn/verify/next";
import { verifier } from "../../verifier.js";

export default async function Page() {
  const session = await sessionOf(await headers(), verifier());
  return <p>Hello {session.subject}</p>;
}
