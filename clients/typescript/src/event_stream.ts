// Server-sent events (WHATWG HTML, section 9.2.6), read from a body of `fetch`.

import { abortable } from "./clock.js";

const LONGEST = 1 << 20;

/** One event: its type, its data, and the last id that was sent. */
export interface Message {
  readonly type: string;
  readonly data: string;
  readonly id: string;
}

/** Takes text in pieces of any size and gives the events that are complete. What is cut off in the middle is none. */
export class EventStreamParser {
  #rest = "";
  #data: string[] = [];
  #type = "";
  #id = "";

  /** The events that end in this piece. Throws RangeError for a line that never ends. */
  push(piece: string): Message[] {
    const messages: Message[] = [];
    const lines = (this.#rest + piece).split(/\r\n|\n|\r(?=[^])/); // a final CR may be half of CR LF
    this.#rest = lines.pop() ?? "";
    if (this.#rest.length > LONGEST) throw new RangeError("a line of the stream is longer than a mebibyte");
    for (const line of lines) {
      if (line !== "") this.#field(line);
      else if (this.#data.length > 0) messages.push(this.#message());
      else this.#type = "";
    }
    return messages;
  }

  #message(): Message {
    const message = { type: this.#type || "message", data: this.#data.join("\n"), id: this.#id };
    this.#data = [];
    this.#type = "";
    return message;
  }

  #field(line: string): void {
    const colon = line.indexOf(":");
    if (colon === 0) return; // a comment
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
    if (name === "data") this.#data.push(value);
    else if (name === "event") this.#type = value;
    else if (name === "id" && !value.includes("\0")) this.#id = value;
  }
}

/** The events of a body, as they come, until the signal. `heard` is called for every piece, comments too. */
export async function* messagesOf(
  body: ReadableStream<Uint8Array>,
  heard: () => void,
  signal: AbortSignal,
): AsyncGenerator<Message> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  const parser = new EventStreamParser();
  try {
    for (;;) {
      const { done, value } = await abortable(reader.read(), signal); // not every runtime ends a read with its request
      if (done) return;
      heard();
      yield* parser.push(decoder.decode(value, { stream: true }));
    }
  } finally {
    void reader.cancel().catch(() => undefined);
  }
}
