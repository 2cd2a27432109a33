import { verifier } from "../../verifier.js";

export const dynamic = "force-dynamic";
export const GET = () => Response.json(verifier().metrics);
