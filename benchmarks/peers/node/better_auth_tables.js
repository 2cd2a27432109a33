// Makes better-auth's tables in the file that BENCHMARK_DATABASE names.
import { getMigrations } from "better-auth/db/migration";
import { options } from "./better_auth_instance.js";

const { runMigrations } = await getMigrations(options);
await runMigrations();
