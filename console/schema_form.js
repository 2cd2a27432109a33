// A form for an object that a schema of the contract describes: it has the members that this server knows.

import { html } from "./html.js";
import { known } from "./words.js";

/** The schema itself, where another one is named by `$ref`. */
export function resolved(schema, contract) {
  const path = schema.$ref?.split("/").slice(1);
  return path ? path.reduce((value, name) => value[name], contract) : schema;
}

/** A member's place in words: `max_sessions.count` is the message `KIND-max_sessions-count`, or its own name. */
export const called = (kind, path) => known([kind, ...path].join("-")) || path.at(-1).replaceAll("_", " ");

/** What the member is for: our sentence about it, or that of the contract. */
const about = (kind, path, schema) => known([kind, "about", ...path].join("-")) || schema.description;

const identity = (path) => `field-${path.join("-")}`;

/** One value that is no object: a number, one of some words, or text. Empty means that it is left out. */
function Field({ kind, path, schema, needed, value, change }) {
  const shared = { id: identity(path), name: path.join("."), required: needed, "aria-describedby": `${identity(path)}-about` };
  const input = schema.enum
    ? html`<select ...${shared} value=${value ?? ""} onChange=${(event) => change(event.target.value || undefined)}>
        ${(!needed || value === undefined) && html`<option value="">${known(`${kind}-unset`)}</option>`}
        ${schema.enum.map((one) => html`<option key=${one} value=${one}>${known(`${kind}-value-${one}`) || one}</option>`)}</select>`
    : schema.type === "integer"
      ? html`<input ...${shared} type="number" min=${schema.minimum} max=${schema.maximum} step="1" value=${value ?? ""}
          onInput=${(event) => change(event.target.value === "" ? undefined : Number(event.target.value))} />`
      : html`<input ...${shared} autocomplete="off" maxlength=${schema.maxLength} placeholder=${schema.example} value=${value ?? ""}
          onInput=${(event) => change(event.target.value.trim() || undefined)} />`;
  return html`<div class="field"><label for=${shared.id}>${called(kind, path)}</label>${input}
    <p class="quiet" id=${`${shared.id}-about`}>${about(kind, path, schema)}</p></div>`;
}

/** What an object begins with: the examples of what it needs. */
const begun = (schema, contract) => Object.fromEntries((schema.required || []).map((name) =>
  [name, resolved(schema.properties[name], contract).example]));

/** An object is there or not; it has a box for that, and its members below. */
function Group({ kind, path, schema, contract, value, change }) {
  return html`<fieldset class="group"><legend><label><input type="checkbox" name=${path.join(".")} checked=${value !== undefined}
      onChange=${() => change(value === undefined ? begun(schema, contract) : undefined)} /> ${called(kind, path)}</label></legend>
    <p class="quiet">${about(kind, path, schema)}</p>
    ${value !== undefined && html`<${Members} kind=${kind} path=${path} schema=${schema} contract=${contract} value=${value} change=${change} />`}</fieldset>`;
}

/** The members of an object, each with what it is for. `change` is given the object with one member changed. */
export function Members({ kind, path = [], schema, contract, value, change }) {
  const set = (name, given) => {
    const { [name]: _, ...others } = value;
    change(given === undefined ? others : { ...others, [name]: given });
  };
  return html`<div class="members">${Object.entries(schema.properties).map(([name, described]) => {
    const inner = resolved(described, contract);
    const View = inner.type === "object" ? Group : Field;
    return html`<${View} key=${name} kind=${kind} path=${[...path, name]} schema=${inner} contract=${contract} value=${value[name]}
      needed=${schema.required?.includes(name)} change=${(given) => set(name, given)} />`;
  })}</div>`;
}

/** Every value of an object with its path, as `[["max_sessions", "count"], 50]`. */
export function leaves(value, path = []) {
  if (value === null || typeof value !== "object") return value === undefined ? [] : [[path, value]];
  return Object.entries(value).flatMap(([name, inner]) => leaves(inner, [...path, name]));
}
