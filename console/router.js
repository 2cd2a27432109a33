// Where one is, in the fragment of the address: the server needs not know, and a link shows the same again.

import { signal } from "./signals.js";

function read() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  return { parts: path.split("/").filter(Boolean).map(decoded), query: new URLSearchParams(query || "") };
}

function decoded(part) {
  try { return decodeURIComponent(part); } catch { return part; }
}

export const route = signal(read());
window.addEventListener("hashchange", () => { route.value = read(); });

/** The link to a place: parts of a path, and a query as an object. Empty values are left out. */
export function to(parts, query = {}) {
  const kept = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "");
  const text = new URLSearchParams(kept).toString();
  return `#/${parts.map(encodeURIComponent).join("/")}${text ? `?${text}` : ""}`;
}

/** Go there; `replace` leaves no step to go back to. */
export function go(link, replace = false) {
  if (replace) {
    history.replaceState(null, "", link);
    route.value = read();
  } else location.hash = link;
}
