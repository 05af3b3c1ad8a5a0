// @ts-check
import { readFrame } from "./frame.js";

/** @typedef {import("./frame.js").Frame} Frame */
/** @typedef {"connecting" | "open" | "waiting" | "over" | "refused"} State */

/**
 * One who hears what comes over a connection and how it is doing.
 *
 * @typedef {object} Listener
 * @property {(frame: Frame) => void} frame
 * @property {(state: State, detail: string) => void} state
 */

const pingEveryMs = 30_000;
const deadAfterMs = 90_000;
const shortestPauseMs = 500;
const longestPauseMs = 30_000;

const doneCode = 1000;

/** The close codes after which another attempt would end the same way. */
const final = new Set([doneCode, 1008, 1009, 4400, 4401, 4403, 4404, 4410]);

/** The attempts at one connection: where to go on, and when to try again. */
class Attempts {
  /** @type {string | undefined} */
  #since;
  #failures = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {Frame} frame */
  heard({ cursor }) {
    this.#failures = 0;
    this.#since = cursor ?? this.#since;
  }

  /** @param {URL} address */
  resumed(address) {
    const url = new URL(address);
    if (this.#since !== undefined) url.searchParams.set("since", this.#since);
    return url;
  }

  /**
   * Calls `open` after a pause that grows with each failure, and differs between clients that failed together.
   *
   * @param {() => void} open
   * @returns {string} how long that is, for people
   */
  again(open) {
    const pauseMs = Math.min(shortestPauseMs * 2 ** this.#failures++, longestPauseMs) * (0.5 + Math.random() / 2);
    this.#timer = setTimeout(open, pauseMs);
    return `again in ${(pauseMs / 1000).toFixed(1)} s`;
  }

  stop() {
    clearTimeout(this.#timer);
  }
}

/** Follows a stream over a WebSocket: pings it, and connects again where it broke off. */
export class SocketFollower {
  #attempts = new Attempts();
  #address;
  #listener;
  /** @type {WebSocket | undefined} */
  #socket;
  #heardAtMs = 0;
  #pinging;

  /**
   * @param {URL} address
   * @param {Listener} listener
   */
  constructor(address, listener) {
    this.#address = new URL(address);
    this.#address.protocol = address.protocol.replace("http", "ws");
    this.#listener = listener;
    this.#pinging = setInterval(() => this.#ping(), pingEveryMs);
    this.#open();
  }

  stop() {
    clearInterval(this.#pinging);
    this.#attempts.stop();
    this.#leave();
  }

  #open() {
    this.#listener.state("connecting", "");
    const socket = new WebSocket(this.#attempts.resumed(this.#address));
    this.#socket = socket;
    this.#heardAtMs = performance.now();
    socket.onopen = () => this.#listener.state("open", "");
    socket.onclose = ({ code, reason }) => this.#closed(code, reason);
    socket.onmessage = ({ data }) => {
      this.#heardAtMs = performance.now();
      const frame = readFrame(data);
      this.#attempts.heard(frame);
      this.#listener.frame(frame);
    };
  }

  /**
   * @param {number} code
   * @param {string} reason
   */
  #closed(code, reason) {
    const said = [code, reason].filter(Boolean).join(" ");
    if (final.has(code)) return this.#listener.state(code === doneCode ? "over" : "refused", said);
    this.#listener.state("waiting", `${said}, ${this.#attempts.again(() => this.#open())}`);
  }

  #ping() {
    if (this.#socket?.readyState !== WebSocket.OPEN) return;
    if (performance.now() - this.#heardAtMs < deadAfterMs) return this.#socket.send('{"type":"ping"}');
    // A line that is cut somewhere never closes by itself.
    this.#leave();
    this.#closed(0, "silent");
  }

  #leave() {
    const socket = this.#socket;
    if (!socket) return;
    socket.onopen = socket.onclose = socket.onmessage = null;
    socket.close();
  }
}

/** Follows a stream over Server-Sent Events; the browser itself connects again, unless an answer put it off for good. */
export class EventFollower {
  #attempts = new Attempts();
  #address;
  #listener;
  /** @type {EventSource | undefined} */
  #source;
  #isStopped = false;

  /**
   * @param {URL} address
   * @param {Listener} listener
   */
  constructor(address, listener) {
    this.#address = address;
    this.#listener = listener;
    this.#open();
  }

  stop() {
    this.#isStopped = true;
    this.#attempts.stop();
    this.#source?.close();
  }

  #open() {
    this.#listener.state("connecting", "");
    const source = new EventSource(this.#attempts.resumed(this.#address));
    this.#source = source;
    source.onopen = () => this.#listener.state("open", "");
    source.onmessage = ({ data }) => {
      const frame = readFrame(data);
      this.#attempts.heard(frame);
      this.#listener.frame(frame);
    };
    source.onerror = () => {
      if (source.readyState === EventSource.CLOSED) this.#explain(source);
      else this.#listener.state("waiting", "the browser connects again");
    };
  }

  /**
   * An EventSource keeps to itself why it gave up, so the same question is asked once more.
   *
   * @param {EventSource} source
   */
  async #explain(source) {
    const { status, body } = await answerOf(this.#attempts.resumed(this.#address));
    if (this.#isStopped || source !== this.#source) return;
    if (status === 204) return this.#listener.state("over", "done");
    if (status < 400 || status >= 500 || status === 429) {
      return this.#listener.state("waiting", `${status || "no answer"}, ${this.#attempts.again(() => this.#open())}`);
    }
    this.#listener.frame(readFrame(body));
    this.#listener.state("refused", `HTTP ${status}`);
  }
}

/**
 * What a gateway answers, without waiting for the end of a stream.
 *
 * @param {URL} url
 */
async function answerOf(url) {
  const controller = new AbortController();
  try {
    const answer = await fetch(url, { signal: controller.signal });
    return { status: answer.status, body: answer.ok ? "" : await answer.text() };
  } catch {
    return { status: 0, body: "" };
  } finally {
    controller.abort();
  }
}
