// Two clocks: one that says what time it is, and one that only goes forward.

/** Milliseconds: since 1970, and since an instant that does not matter. Tests bring their own. */
export interface Clock {
  now(): number;
  elapsed(): number;
}

export const systemClock: Clock = { now: () => Date.now(), elapsed: () => performance.now() };

/** Wait, unless the signal comes first. Leaves no timer. */
export function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener("abort", done);
  });
}

/** The same promise, but it fails as soon as the signal comes. */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const fail = (): void => reject(signal.reason);
    if (signal.aborted) fail();
    signal.addEventListener("abort", fail);
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", fail));
  });
}

/** A signal that comes with another one, or when nothing was heard for a while. */
export class Watch {
  readonly #controller = new AbortController();
  readonly #outer: AbortSignal;
  readonly #limit: number;
  readonly #abort = (): void => this.#controller.abort(this.#outer.reason);
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(outer: AbortSignal, limit: number) {
    this.#outer = outer;
    this.#limit = limit;
    outer.addEventListener("abort", this.#abort);
    if (outer.aborted) this.#abort();
    this.heard();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  heard(): void {
    clearTimeout(this.#timer);
    const reason = new DOMException(`nothing was heard for ${this.#limit / 1000} s`, "TimeoutError");
    this.#timer = setTimeout(() => this.#controller.abort(reason), this.#limit);
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#outer.removeEventListener("abort", this.#abort);
  }
}
