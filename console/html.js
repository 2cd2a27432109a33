// Preact with htm: markup in template strings, drawn as text wherever data stands in it.

import { h, render } from "./preact.js";
import htm from "./htm.js";
import "./signals.js";

export { render };
export { useEffect, useMemo, useRef, useState } from "./preact-hooks.js";
export const html = htm.bind(h);
