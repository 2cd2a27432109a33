// Verifies tokens all the time, as `tests/clients/witness.py` does it, and notes when each was accepted last, in seconds
// of the machine's steady clock: `node witness.mjs PACKAGE URL API_KEY MAX_STALENESS CLOCK_IS_OFF_BY`. Lines of JSON say
// what to do: {"watch": token}, {"verify": token}, or {"report": true}; for each of them it says one line.

import { createInterface } from "node:readline";

const [dist, url, apiKey, maxStaleness, offBy] = process.argv.slice(2);
const { Verifier } = await import(dist);
const clock = { now: () => Date.now() + Number(offBy) * 1000, elapsed: () => performance.now() };
const verifier = new Verifier({ url, apiKey, maxStaleness: Number(maxStaleness), keyCoolDown: 0.5, clock });
const steady = () => Number(process.hrtime.bigint()) / 1e9;
const acceptedAt = {};
const tokens = [];
const verdict = (token) => verifier.verify(token).then(() => "good", (error) => error.reason ?? error.name);

async function watch() {
  for (const token of [...tokens]) {
    const begun = steady();
    if ((await verdict(token)) === "good") acceptedAt[token] = begun;
  }
  setTimeout(watch, 2);
}

void watch();
for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line);
  if (asked.watch !== undefined) tokens.push(asked.watch);
  const said = asked.verify === undefined ? null : await verdict(asked.verify);
  console.log(JSON.stringify(asked.report ? { acceptedAt, metrics: verifier.metrics } : said));
}
process.exit();
