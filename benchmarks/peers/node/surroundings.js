// What the runner tells a peer: where its database is, whom it may believe, where to listen.
export const database = process.env.BENCHMARK_DATABASE;
export const apiKey = process.env.BENCHMARK_API_KEY;
export const jwtSecret = process.env.BENCHMARK_JWT_SECRET;
export const contract = process.env.BENCHMARK_CONTRACT;
export const port = Number(process.env.BENCHMARK_PORT);
export const adminRoles = new Set(["admin", "security_admin"]);
