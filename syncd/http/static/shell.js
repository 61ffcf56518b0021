// What every staff page may use: `import { ask, send, live } from "../shell.js"` in a module of its own.

const csrf = document.querySelector("meta[name=csrf]")?.content ?? "";

/** An error the API told: `code` is stable, `message` is for people, `problem` the whole body. */
export class Problem extends Error {
  constructor(problem, status) {
    super(problem.detail ?? "");
    this.code = problem.code ?? "failed";
    this.status = status;
    this.problem = problem;
  }
}

async function answered(response) {
  if (response.status === 401) location.assign(`/login?next=${encodeURIComponent(location.pathname)}`);
  const body = response.status === 204 ? null : await response.json();
  if (!response.ok) throw new Problem(body ?? {}, response.status);
  return body;
}

/** GET JSON from the API. */
export async function ask(path, signal) {
  return answered(await fetch(path, { headers: { Accept: "application/json" }, signal }));
}

/** POST JSON to the API, as the person who is signed in; sent again under the same key it is done once. */
export async function send(path, values, key) {
  const headers = { "Content-Type": "application/json", "X-CSRF-Token": csrf };
  if (key) headers["Idempotency-Key"] = key;
  return answered(await fetch(path, { method: "POST", headers, body: JSON.stringify(values) }));
}

/** Call `told(topic)` whenever something of these topics changed; once at the start, and after every gap. */
export function live(topics, told) {
  const source = new EventSource("/api/v1/events");
  source.addEventListener("ready", () => topics.forEach(told));
  source.addEventListener("changed", (event) => {
    const { topic } = JSON.parse(event.data);
    if (topics.includes(topic)) told(topic);
  });
  return () => source.close();
}
