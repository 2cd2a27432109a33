// Follows the feed of events: a snapshot, then a stream, or a long poll where no stream comes through.

import { CursorExpired, type Api } from "./api.js";
import { pause, Watch, type Clock } from "./clock.js";
import { messagesOf } from "./event_stream.js";
import type { Keys } from "./keys.js";
import { EVENT_TYPES, Refusals, type FeedEvent, type Item } from "./refusals.js";

const STREAM = `/internal/events/stream?types=${EVENT_TYPES.join(",")}`;
const PAGE = `/internal/events?limit=500&types=${EVENT_TYPES.join(",")}`;
const SNAPSHOT_AGE = 3_600_000; // what events add without saying until when is forgotten with the next snapshot
const POLLED_FOR = 60_000; // then a stream is tried again
const SHORTEST_FOR_STREAM = 6_000; // a stream says every five seconds that nothing happened
const PAUSES = [100, 2_000] as const; // between attempts, growing
const SNAPSHOT_TIMEOUT = 30_000;
const SMALL_SKEW = 1_000;

interface Page {
  readonly items: readonly FeedEvent[];
  readonly next_cursor: string;
  readonly has_more: boolean;
  readonly as_of: string;
}

interface Snapshot {
  readonly items: readonly Item[];
  readonly cursor: string;
  readonly tenants?: readonly string[];
}

/** Where instants of the server's clock lie on ours: the first page is read after it was asked for. */
class Anchor {
  readonly #asked: number;
  readonly #askedAt: number;
  #first: number | undefined;

  constructor(private readonly clock: Clock) {
    this.#asked = clock.elapsed();
    this.#askedAt = clock.now();
  }

  /** Until when everything is known, on the clock that only goes forward; not later than now. */
  known(asOf: number): number {
    this.#first ??= asOf;
    return Math.min(this.#asked + (asOf - this.#first), this.clock.elapsed());
  }

  /** By how much the server's clock differs from ours, from the first page; undefined from the others. */
  skew(asOf: number): number | undefined {
    if (this.#first !== undefined) return undefined;
    const skew = asOf - Math.min(Math.max(asOf, this.#askedAt), this.clock.now());
    return Math.abs(skew) < SMALL_SKEW ? 0 : skew;
  }
}

/** Keeps `refusals` true. `knownAt` is until when everything is known, by `clock.elapsed()`. */
export class Feed {
  refusals = new Refusals();
  knownAt = -Infinity;
  trouble: unknown;
  skew = 0; // of the server's clock, in milliseconds
  snapshots = 0;
  #cursor: string | undefined;
  #etag: string | undefined;
  #snapshotAt = -Infinity;
  #pollUntil = -Infinity;
  #listeners: (() => void)[] = [];

  constructor(
    private readonly api: Api,
    private readonly keys: Keys,
    private readonly clock: Clock,
    private readonly maxStaleness: number, // milliseconds
  ) {}

  /** Milliseconds since the instant until which everything is known. */
  get age(): number {
    return this.clock.elapsed() - this.knownAt;
  }

  /** Waits until everything is known up to now, for some milliseconds at most. */
  async heard(milliseconds: number): Promise<void> {
    const waiting = new AbortController();
    this.#listeners.push(() => waiting.abort());
    await pause(milliseconds, waiting.signal);
  }

  /** Follow until the signal comes. */
  async run(signal: AbortSignal): Promise<void> {
    let wait: number = PAUSES[0];
    while (!signal.aborted) {
      const before = this.knownAt;
      try {
        await this.#follow(signal);
        this.trouble = undefined;
      } catch (error) {
        if (error instanceof CursorExpired) this.#cursor = undefined;
        this.trouble = error;
      }
      wait = this.knownAt > before ? PAUSES[0] : Math.min(wait * 2, PAUSES[1]);
      await pause(wait * (0.5 + Math.random() / 2), signal);
    }
  }

  async #follow(signal: AbortSignal): Promise<void> {
    if (this.#cursor === undefined || this.clock.elapsed() - this.#snapshotAt > SNAPSHOT_AGE) {
      await this.#readSnapshot(signal);
    }
    if (this.maxStaleness < SHORTEST_FOR_STREAM || this.clock.elapsed() < this.#pollUntil) return this.#poll(signal);
    const before = this.knownAt;
    try {
      await this.#readStream(signal);
    } finally {
      const hasCome = this.knownAt > before && this.age < this.maxStaleness / 2;
      if (!hasCome) this.#pollUntil = this.clock.elapsed() + POLLED_FOR;
    }
  }

  async #readSnapshot(outer: AbortSignal): Promise<void> {
    const begun = this.clock.elapsed();
    const watch = new Watch(outer, SNAPSHOT_TIMEOUT);
    try {
      await this.keys.read();
      const headers: Record<string, string> = {};
      if (this.#etag !== undefined && this.#cursor !== undefined) headers["If-None-Match"] = this.#etag;
      const response = await this.api.get("/internal/revocations", headers, watch.signal);
      this.snapshots++;
      if (response.status === 200) {
        const { items, cursor, tenants } = (await response.json()) as Snapshot;
        const revision = this.refusals.revision + 1;
        this.refusals = new Refusals();
        for (const item of items) this.refusals.add(item);
        this.refusals.tenants = tenants && new Set(tenants);
        this.refusals.revision += revision;
        this.#cursor = cursor;
        this.#etag = response.headers.get("ETag") ?? undefined;
      }
      this.#snapshotAt = begun;
    } finally {
      watch.end();
    }
  }

  async #readStream(outer: AbortSignal): Promise<void> {
    const anchor = new Anchor(this.clock);
    const watch = new Watch(outer, this.maxStaleness / 2 + 1_000);
    try {
      const headers = { Accept: "text/event-stream", "Last-Event-ID": this.#cursor ?? "" };
      const { body } = await this.api.get(STREAM, headers, watch.signal);
      if (body === null) return;
      for await (const { type, data, id } of messagesOf(body, () => watch.heard(), watch.signal)) {
        if (type === "checkpoint") this.#know(anchor, (JSON.parse(data) as { as_of: string }).as_of);
        else this.refusals.hear(JSON.parse(data) as FeedEvent);
        this.#cursor = id;
        if (type === "checkpoint" && this.age > this.maxStaleness / 2) return; // it comes too late: a proxy holds it back
      }
    } finally {
      watch.end();
    }
  }

  async #poll(outer: AbortSignal): Promise<void> {
    const begun = this.clock.elapsed();
    const anchor = new Anchor(this.clock);
    const wait = Math.ceil(this.maxStaleness / 4);
    for (let path = PAGE; !outer.aborted && this.clock.elapsed() - begun < POLLED_FOR; path = `${PAGE}&wait=${wait}ms`) {
      const watch = new Watch(outer, wait + this.maxStaleness / 2);
      try {
        const response = await this.api.get(`${path}&after=${this.#cursor}`, {}, watch.signal);
        const page = (await response.json()) as Page;
        for (const event of page.items) this.refusals.hear(event);
        this.#cursor = page.next_cursor;
        if (!page.has_more) this.#know(anchor, page.as_of);
      } finally {
        watch.end();
      }
    }
  }

  #know(anchor: Anchor, asOf: string): void {
    const instant = Date.parse(asOf);
    this.skew = anchor.skew(instant) ?? this.skew;
    this.knownAt = Math.max(this.knownAt, anchor.known(instant));
    this.refusals.forget(this.clock.now() + this.skew);
    for (const told of this.#listeners.splice(0)) told();
  }
}
