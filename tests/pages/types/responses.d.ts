import type { components, paths } from "./contract.js";

export type Schemas = components["schemas"];

type Content<Operation> = Operation extends { responses: { 200: { content: { "application/json": infer Body } } } } ? Body : unknown;

/** A path of the contract as the text that requests have: whatever stands in its braces is any text. */
type Pattern<Path extends string> = Path extends `${infer Before}{${string}}${infer After}` ? `${Before}${string}${Pattern<After>}` : Path;

type Matching<Path extends string> = Path extends keyof paths ? Path
  : { [Known in keyof paths]: Path extends Pattern<Known> ? Known : never }[keyof paths];

/** What GET gives, by a path without its first slash. Of text that is not known here, anything; of no path of the contract, nothing. */
export type Got<Path extends string> = string extends Path ? any
  : Path extends "openapi.json" ? any
  : { [Known in Matching<`/${Path}`>]: paths[Known] extends { get: infer Operation } ? Content<Operation> : never }[Matching<`/${Path}`>];
