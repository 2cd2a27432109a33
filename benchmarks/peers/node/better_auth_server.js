// better-auth's own session endpoints, by its handler for Node's http module.
import { createServer } from "node:http";
import { toNodeHandler } from "better-auth/node";
import { auth } from "./better_auth_instance.js";
import { port } from "./surroundings.js";

createServer(toNodeHandler(auth)).listen(port, "127.0.0.1");
