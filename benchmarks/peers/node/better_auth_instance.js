// better-auth with its own tables in SQLite, in its production settings, but for two rules that would refuse the load:
// its rate limit, and that sessions are listed only soon after a sign-in.
import { betterAuth } from "better-auth";
import Database from "better-sqlite3";
import { database, jwtSecret, port } from "./surroundings.js";

const connection = new Database(database);
for (const pragma of ["journal_mode = WAL", "synchronous = FULL", "cache_size = -16384", "mmap_size = 268435456"]) {
  connection.pragma(pragma);
}

export const options = {
  database: connection,
  secret: jwtSecret,
  baseURL: `http://127.0.0.1:${port}`,
  emailAndPassword: { enabled: true },
  session: { freshAge: 0 },
  rateLimit: { enabled: false },
  telemetry: { enabled: false },
  logger: { disabled: true },
};
export const auth = betterAuth(options);
