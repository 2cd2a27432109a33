"use strict";
// Style elements that the reference makes carry the page's nonce: without it the policy refuses them.
const nonce = document.currentScript.nonce;
const create = document.createElement.bind(document);
document.createElement = (name, options) => {
  const element = create(name, options);
  if (String(name).toLowerCase() === "style") element.nonce = nonce;
  return element;
};
addEventListener("DOMContentLoaded", () => {
  const here = new URL(".", location.href).href.replace(/\/$/, "");
  globalThis.Scalar.createApiReference("#reference", {
    url: "openapi.json",
    servers: [{ url: here, description: "This server." }],
    telemetry: false,
    withDefaultFonts: false,
    hideClientButton: true,
    showDeveloperTools: "never",
    documentDownloadType: "none",
    agent: { disabled: true },
    mcp: { disabled: true },
  });
});
