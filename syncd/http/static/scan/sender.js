// Posts what waits, one after the other in the order it was made, exactly once: the id is the same however often it is
// sent, and one window at a time sends. A scan that is refused becomes a question and stops none after it.
import * as queue from "./queue.js";

const AGAIN_MS = [1000, 2000, 5000, 10000, 30000];
const SETTLED = new Set(["posted", "duplicate"]);
export const SKEW_MS = 60_000;  // a clock wrong by more is told; every scan is corrected by what it is wrong by

const LATER = new Set([408, 429]);  // come again; any other refusal is for good and must not stop what comes after

export class SignedOut extends Error {}

let csrf = document.querySelector("meta[name=csrf]").content;
let skew = null;  // how far this device's clock is ahead, in ms; null until the server was asked

export const clockSkew = () => skew;

export async function ask(path, body) {
  const options = { credentials: "same-origin", redirect: "manual", headers: { Accept: "application/json" } };
  if (body !== undefined) {
    options.method = "POST";
    options.headers["Content-Type"] = "application/json";
    options.headers["X-CSRF-Token"] = csrf;
    options.body = JSON.stringify(body);
  }
  const answer = await fetch(path, options);
  if (answer.type === "opaqueredirect" || answer.status === 401 || answer.status === 403) throw new SignedOut();
  if (answer.status === 404) return null;
  if (answer.status >= 400 && answer.status < 500 && !LATER.has(answer.status)) return { verdict: "unreadable" };
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}

async function learnTime() {
  const before = Date.now();
  const told = await ask("/scan/now");
  const after = Date.now();
  csrf = told.csrf;
  skew = Math.round((before + after) / 2 - Date.parse(told.now));
}

function payload(scan) {
  const at = new Date(Math.min(scan.at, Date.now()) - skew).toISOString();
  return scan.undo ? { of: scan.undo, at } : { ...scan.body, scan_id: scan.id, at };
}

export class Sender extends EventTarget {
  #failures = 0;
  #timer = null;
  #running = null;
  #again = false;

  constructor() {
    super();
    addEventListener("online", () => { this.#failures = 0; this.wake(); });  // what failed before says nothing now
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && this.wake());
  }

  wake() {
    clearTimeout(this.#timer);
    this.#again = true;
    this.#running ??= this.#run().finally(() => { this.#running = null; });
    return this.#running;
  }

  #tell(name, detail) { this.dispatchEvent(new CustomEvent(name, { detail })); }

  async #run() {
    while (this.#again) {
      this.#again = false;
      const one = () => this.#sendAll();
      try {
        await (navigator.locks ? navigator.locks.request("syncd-sending", one) : one());
        this.#failures = 0;
        this.#tell("state", "online");
      } catch (fault) {
        const isOut = fault instanceof SignedOut;
        this.#tell("state", isOut ? "signed_out" : "offline");
        const pause = AGAIN_MS[Math.min(this.#failures++, AGAIN_MS.length - 1)];
        this.#timer = setTimeout(() => this.wake(), isOut ? 60_000 : pause);
        return;
      }
    }
    this.#timer = setTimeout(() => this.wake(), 60_000);  // the clock is looked at again, and the network
  }

  async #sendAll() {
    await learnTime();
    this.#tell("clock", skew);
    for (;;) {
      const [scan] = await queue.waiting();
      if (!scan) return;
      const answer = await ask(scan.undo ? "/scan/undo" : "/scan/scans", payload(scan));
      if (answer && SETTLED.has(answer.verdict)) await queue.remove(scan.number);
      else await queue.put({ ...scan, state: "question", answer });
      this.#tell("judged", { scan, answer });
    }
  }
}
