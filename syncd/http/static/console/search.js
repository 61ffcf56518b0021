// Results while somebody types, from the second letter; arrows choose one, Enter opens it. An answer that comes late is dropped.
const LETTERS_MIN = 2;
const PAUSE_MS = 60;
const field = document.getElementById("q");
const found = document.getElementById("found");
let asked = 0;
let timer = 0;
let chosen = -1;

const links = () => [...found.querySelectorAll("a")];

function choose(at) {
  const all = links();
  chosen = Math.max(-1, Math.min(at, all.length - 1));
  all.forEach((link, number) => link.setAttribute("aria-selected", String(number === chosen)));
  all[chosen]?.scrollIntoView({ block: "nearest" });
}

async function ask() {
  const number = ++asked;
  const query = field.value.trim();
  const to = `/console/hits?q=${encodeURIComponent(query)}`;
  const answer = await fetch(to, { headers: { Accept: "text/html" } });
  if (number !== asked || !answer.ok || answer.redirected) return;
  const text = await answer.text();
  if (number !== asked) return;
  found.replaceChildren(...new DOMParser().parseFromString(text, "text/html").body.childNodes);
  history.replaceState(null, "", query.length < LETTERS_MIN ? "/console" : `/console?q=${encodeURIComponent(query)}`);
  choose(-1);
}

field.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(() => ask().catch(() => {}), PAUSE_MS);
});

field.addEventListener("keydown", (event) => {
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    choose(chosen + (event.key === "ArrowDown" ? 1 : -1));
  } else if (event.key === "Enter" && links().length && (chosen >= 0 || links().length === 1)) {
    event.preventDefault();
    links()[Math.max(chosen, 0)].click();
  }
});
field.setSelectionRange(field.value.length, field.value.length);
