// What the check must find: where one of these is no error, the check fails.

import { client } from "../../../console/api.js";

const api = client({ base: "", token: () => "", language: () => "en" });

export async function mistakes() {
  const stats = await api.get("admin/sessions/stats");
  const one = await api.get(`sessions/${stats.user_id}`);
  // @ts-expect-error - a member that the contract does not have
  stats.actve_sessions.toFixed();
  // @ts-expect-error - a member that is of another object
  one.session.active_sessions.toFixed();
  // @ts-expect-error - a path that the contract does not have
  (await api.get("admin/sesions/stats")).active_sessions.toFixed();
  return one.session.id;
}
