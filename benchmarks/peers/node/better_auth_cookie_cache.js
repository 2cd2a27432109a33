// What one check takes of better-auth's cookie cache, in microseconds of the processor: `node better_auth_cookie_cache.js COUNT`.
// A session that was read from the database once is in a signed cookie for five minutes; until then no end of it is seen.
import { betterAuth } from "better-auth";
import { getCookieCache } from "better-auth/cookies";
import { getMigrations } from "better-auth/db/migration";
import { options as plain } from "./better_auth_instance.js";

const count = Number(process.argv[2]);
const options = { ...plain, session: { cookieCache: { enabled: true, maxAge: 300 } } };
await (await getMigrations(options)).runMigrations();
const auth = betterAuth(options);
const body = { email: "ann@example.com", password: "a-long-password", name: "Ann" };
const signedUp = await auth.api.signUpEmail({ body, asResponse: true });
const cookie = signedUp.headers.getSetCookie().map((line) => line.split(";")[0]).join("; ");
const headers = new Headers({ cookie });

async function used(times, check) {
  const begun = process.cpuUsage();
  for (let time = 0; time < times; time++) if ((await check())?.user.name !== "Ann") throw new Error("no session");
  const { user, system } = process.cpuUsage(begun);
  return (user + system) / times;
}

const checks = [() => auth.api.getSession({ headers }), () => getCookieCache(headers, { secret: options.secret, isSecure: false })];
const found = [];
for (const check of checks) {
  await used(count / 5, check);
  found.push(await used(count, check));
}
console.log(JSON.stringify(found));
