// Fastify's validators, one per part of a request, as its documentation advises where they must differ: texts of a
// query become numbers, members of a body stay what they are. What is unknown is refused rather than removed.
import Ajv from "ajv";
import addFormats from "ajv-formats";

const strings = addFormats(new Ajv.default({ coerceTypes: true, useDefaults: true }));
const values = addFormats(new Ajv.default({ coerceTypes: false, useDefaults: true }));

export function validatorCompiler({ schema, httpPart }) {
  return (httpPart === "body" ? values : strings).compile(schema);
}
