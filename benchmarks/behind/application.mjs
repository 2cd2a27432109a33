// An application that checks the token of each request in one way: `node application.mjs WAY URL API_KEY PACKAGE`.
// It says on which port it serves. `/report` has what the checks took since the last report.

import { Agent, createServer, request as ask } from "node:http";

const [way, url, apiKey, dist] = process.argv.slice(2);
const { Refused, Verifier } = await import(dist);
const agent = new Agent({ keepAlive: true, maxSockets: 64 });
const headers = { "X-API-Key": apiKey, "X-Tenant-ID": "acme" };
let took = [];
let cpu = process.cpuUsage();

function asked(method, path, body) {
  const text = body === undefined ? undefined : JSON.stringify(body);
  const more = text === undefined ? {} : { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(text) };
  return new Promise((resolve, reject) => {
    const sent = ask(url + path, { method, agent, headers: { ...headers, ...more } }, (response) => {
      const pieces = [];
      response.on("data", (piece) => pieces.push(piece));
      response.on("error", reject);
      response.on("end", () => {
        if (response.statusCode === 200) resolve(JSON.parse(Buffer.concat(pieces).toString()));
        else reject(new Error(`${path}: status ${response.statusCode}`));
      });
    });
    sent.on("error", reject);
    sent.end(text);
  });
}

function subjectOf(token) {
  return JSON.parse(Buffer.from(token.split(".")[1], "base64url").toString()).sub;
}

const verifier = way === "local" ? new Verifier({ url, apiKey }) : undefined;
await verifier?.start();
const checks = {
  none: async () => true,
  local: (token) => verifier.verify(token).then(() => true, (error) => {
    if (error instanceof Refused) return false;
    throw error;
  }),
  active: async (token) => (await asked("GET", `/internal/session/sessions/${subjectOf(token)}/active`)).active,
  validate: async (token) => (await asked("POST", "/internal/session/validate-token", { access_token: token })).valid,
};
const check = checks[way];

function report() {
  const { user, system } = process.cpuUsage(cpu);
  const sorted = took.sort((one, other) => one - other);
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  const found = { checks: sorted.length, p50_us: at(0.5) * 1000, p99_us: at(0.99) * 1000, cpu_us: user + system };
  took = [];
  cpu = process.cpuUsage();
  return JSON.stringify(found);
}

const server = createServer(async (request, response) => {
  const say = (status, text) => response.writeHead(status, { "Content-Length": text.length }).end(text);
  if (request.url === "/report") return say(200, report());
  const begun = performance.now();
  try {
    const isGood = await check(request.headers.authorization.slice(7));
    took.push(performance.now() - begun);
    say(isGood ? 200 : 401, isGood ? "yes" : "no");
  } catch (error) {
    say(503, String(error.message));
  }
});
server.keepAliveTimeout = 0; // a connection that rests stays open
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
