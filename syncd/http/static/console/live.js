// Parts marked data-live="topic …" follow what happens: the page is asked for again and only what differs is changed.
const PAUSE_MS = 400;
const parts = () => [...document.querySelectorAll("[data-live][id]")];
const waiting = new Set();
let timer = 0;

function isInUse(part) {
  return part.contains(document.activeElement) && part !== document.activeElement;
}

async function renew() {
  timer = 0;
  const stale = parts().filter((part) => part.dataset.live.split(" ").some((topic) => waiting.has(topic)));
  waiting.clear();
  if (!stale.length || document.hidden) return;
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (!answer.ok || answer.redirected) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of stale) {
    const now = fresh.getElementById(part.id);
    if (!now || now.innerHTML === part.innerHTML || isInUse(part)) continue;
    const open = [...part.querySelectorAll("details")].map((one) => one.open);
    part.replaceChildren(...now.childNodes);
    part.querySelectorAll("details").forEach((one, at) => { one.open = Boolean(open[at]); });
    part.classList.remove("changed");
    void part.offsetWidth; // starts the fade anew
    part.classList.add("changed");
  }
}

function later(topic) {
  waiting.add(topic);
  timer ||= setTimeout(() => renew().catch(() => {}), PAUSE_MS);
}

function everything() {
  for (const part of parts()) part.dataset.live.split(" ").forEach(later);
}

if (parts().length) {
  const feed = new EventSource("/api/v1/events");
  let isFirst = true;
  feed.addEventListener("ready", () => { // after a break something may have been missed
    if (!isFirst) everything();
    isFirst = false;
  });
  feed.addEventListener("changed", (event) => later(JSON.parse(event.data).topic));
  document.addEventListener("visibilitychange", () => { if (!document.hidden) everything(); });
  addEventListener("pagehide", () => feed.close());
}

addEventListener("keydown", (event) => {
  const field = document.getElementById("q");
  if (event.key === "/" && field && !event.target.closest("input, textarea, select")) {
    event.preventDefault();
    field.focus();
    field.select();
  }
});
