// What the server wrote into the page, and where its operations are.

const holder = document.getElementById("page");

/** Facts of this server; empty where a page of another application uses our modules. */
export const facts = holder ? JSON.parse(holder.textContent) : {};

/** The address below which the operations stand, with a slash at its end. */
export const base = new URL("./", document.baseURI).href.split(/[?#]/)[0];

/** The address of a style sheet of the same release as this module. */
export const sheet = (name) => import.meta.url.replace("/scripts/", "/styles/").replace(/[^/]*$/, name);
