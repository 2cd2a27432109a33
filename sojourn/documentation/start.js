"use strict";
// Style elements that the reference makes carry the page's nonce: without it the policy refuses them.
const nonce = document.currentScript.nonce;
const create = document.createElement.bind(document);
document.createElement = (name, options) => {
  const element = create(name, options);
  if (String(name).toLowerCase() === "style") element.nonce = nonce;
  return element;
};
// HTML that the reference writes has style attributes, which the policy refuses. Set by a program, the same styles are
// allowed.
const html = Object.getOwnPropertyDescriptor(Element.prototype, "innerHTML");
Object.defineProperty(Element.prototype, "innerHTML", {
  ...html,
  set(text) {
    html.set.call(this, String(text ?? "").replace(/(<[a-z][^<>]*\s)style=/gi, "$1data-style="));
    for (const element of (this.content ?? this).querySelectorAll("[data-style]")) {
      element.style.cssText = element.dataset.style;
      element.removeAttribute("data-style");
    }
  },
});
// An empty field for a key shows what ours look like.
new MutationObserver((changes) => {
  for (const { target } of changes) {
    for (const field of target.querySelectorAll?.('input[placeholder^="QUxM"]') ?? []) field.placeholder = "sj_…";
  }
}).observe(document, { childList: true, subtree: true });

// What is filled in stands in the page as data: the examples of the contract then name who is there.
const given = () => JSON.parse(document.getElementById("filled-in")?.textContent ?? "null");
const filled = (contract, { apiKey, token, instead }) => {
  for (const [shown, real] of Object.entries(instead)) contract = contract.replaceAll(shown, real);
  return { contract, securitySchemes: { apiKeyAuth: { value: apiKey }, bearerAuth: { token } } };
};
addEventListener("DOMContentLoaded", async () => {
  const here = new URL(".", location.href).href.replace(/\/$/, "");
  const text = await (await fetch("openapi.json")).text();
  const { contract, securitySchemes } = given() ? filled(text, given()) : { contract: text, securitySchemes: {} };
  globalThis.Scalar.createApiReference("#reference", {
    content: withScopes(JSON.parse(contract)),
    servers: [{ url: here, description: "This server." }],
    telemetry: false,
    withDefaultFonts: false,
    hideClientButton: true,
    showDeveloperTools: "never",
    authentication: { preferredSecurityScheme: "apiKeyAuth", securitySchemes },
    documentDownloadType: "none",
    agent: { disabled: true },
    mcp: { disabled: true },
  });
});
