import * as fluent from "@fluent/bundle";
export default fluent;
