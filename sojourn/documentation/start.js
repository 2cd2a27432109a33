"use strict";
// Style elements that the reference makes carry the page's nonce: without it the policy refuses them.
const nonce = document.currentScript.nonce;
const create = document.createElement.bind(document);
document.createElement = (name, options) => {
  const element = create(name, options);
  if (String(name).toLowerCase() === "style") element.nonce = nonce;
  return element;
};
// Highlighted code comes as HTML and says how many lines it has in a style attribute, which the policy refuses; set by
// a program, the same style is allowed.
new MutationObserver((changes) => {
  for (const { target } of changes) {
    for (const code of target.querySelectorAll('[style^="--line-count"]')) {
      if (code.style.length === 0) code.style.cssText = code.getAttribute("style");
    }
  }
}).observe(document, { childList: true, subtree: true });
addEventListener("DOMContentLoaded", () => {
  const here = new URL(".", location.href).href.replace(/\/$/, "");
  globalThis.Scalar.createApiReference("#reference", {
    url: "openapi.json",
    servers: [{ url: here, description: "This server." }],
    telemetry: false,
    withDefaultFonts: false,
    hideClientButton: true,
    showDeveloperTools: "never",
    authentication: { preferredSecurityScheme: "apiKeyAuth" },
    documentDownloadType: "none",
    agent: { disabled: true },
    mcp: { disabled: true },
  });
});
