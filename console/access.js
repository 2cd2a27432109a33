// Who looks: the bearer token, in memory only, and what it says of its holder.

import { computed, signal } from "./signals.js";
import { client } from "./api.js";
import { base, facts } from "./page.js";
import { locale } from "./words.js";

const WRITERS = ["admin", "security_admin"];

export const token = signal(null);
/** Why there is no token: "expired", "signed-out", an error, or null. */
export const left = signal(null);

export const claims = computed(() => {
  try {
    const part = token.value.split(".")[1].replace(/-/g, "+").replace(/_/g, "/");
    return JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(part), (c) => c.charCodeAt(0))));
  } catch {
    return {};
  }
});

/** The holder's roles, by our names. The server decides; the pages only leave out what it would refuse. */
export const roles = computed(() => {
  const found = (facts.rolesClaim || "roles").split(".").reduce((value, name) => value?.[name], claims.value);
  const names = Array.isArray(found) ? found : typeof found === "string" ? found.split(" ") : [];
  const map = facts.roleMap || {};
  return Object.keys(map).length ? names.map((name) => map[name]).filter(Boolean) : names;
});
export const mayWrite = computed(() => roles.value.some((role) => WRITERS.includes(role)));

export const api = client({
  base,
  token: () => token.value,
  language: () => locale.value,
  refused: () => leave("expired"),
});

export function enter(text) {
  token.value = text.trim();
  left.value = null;
}

export function leave(why) {
  token.value = null;
  left.value = why;
}

// A token in the address, where a link of `sojourn demo` puts it, is taken out before anything else reads the address.
{
  const given = new URLSearchParams(location.hash.slice(1));
  const text = given.get("token");
  if (text) {
    history.replaceState(null, "", `${location.pathname}${location.search}#${given.get("to") || "/"}`);
    enter(text);
  }
}
