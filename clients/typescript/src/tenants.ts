// Which tenants the API key covers: of the others the feed tells nothing.

import { NoResponse, type Api } from "./api.js";
import type { Clock } from "./clock.js";

const TIMEOUT = 5_000;
const REMEMBERED_FOR = 600_000;
const MOST = 10_000;

/** Asks once for each tenant, and again after ten minutes. Only tokens whose signature holds lead to a question. */
export class Tenants {
  readonly #covered = new Map<string, { readonly asked: number; readonly covers: Promise<boolean> }>();

  constructor(
    private readonly api: Api,
    private readonly clock: Clock,
  ) {}

  /** Whether the key covers a tenant. Throws NoResponse when that cannot be asked. */
  covers(tenant: string): Promise<boolean> {
    const now = this.clock.elapsed();
    const known = this.#covered.get(tenant);
    if (known !== undefined && now - known.asked < REMEMBERED_FOR) return known.covers;
    if (this.#covered.size >= MOST) this.#covered.clear();
    const covers = this.#ask(tenant);
    this.#covered.set(tenant, { asked: now, covers });
    covers.catch(() => this.#covered.delete(tenant));
    return covers;
  }

  async #ask(tenant: string): Promise<boolean> {
    const path = "/internal/events?limit=1&types=policy.changed";
    try {
      const response = await this.api.get(path, { "X-Tenant-ID": tenant }, AbortSignal.timeout(TIMEOUT));
      await response.arrayBuffer();
      return true;
    } catch (error) {
      if (error instanceof NoResponse && error.status === 403) return false;
      throw error;
    }
  }
}
