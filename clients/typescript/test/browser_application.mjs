// An Express application that keeps sessions in browsers: it says on which port, and serves until it is ended.

import express from "express";
import { browser, browserOf, BrowserSessions } from "../dist/adapters/express-browser.js";
import { Verifier } from "../dist/index.js";

const { SOJOURN_URL: url, SESSIONS_URL, SOJOURN_API_KEY: apiKey, COOKIE_SECRET: secret, ORIGINS, USER_ID } = process.env;
const verifier = new Verifier({ url, apiKey, leeway: 0 });
const sessions = new BrowserSessions(verifier, {
  url: SESSIONS_URL,
  apiKey,
  tenant: "acme",
  secret,
  origins: ORIGINS.split(" "),
});
const app = express();

app.use(browser(sessions));
app.get("/me", (request, response) => {
  const { session } = browserOf(request);
  response.json(session === undefined ? null : [session.sessionId, session.claims.gen]);
});
app.post("/sign-in", async (request, response) => {
  response.cookie("other", "kept");
  await browserOf(request).signIn(USER_ID, { user_agent: request.get("User-Agent") });
  response.redirect(303, "/me");
});
app.post("/sign-out", async (request, response) => {
  await browserOf(request).signOut();
  response.redirect(303, "/me");
});
app.post("/everywhere", async (request, response) => {
  await browserOf(request).signOutEverywhere();
  response.redirect(303, "/me");
});

const server = app.listen(0, "127.0.0.1", () => console.log(server.address().port));
