// The scanner: one job at a time, the lower half of the screen is the button.
import { canScan, open as openCamera } from "./camera.js";
import { button, choice, element } from "./dom.js";
import { questionsView, unknownView } from "./questions.js";
import * as queue from "./queue.js";
import { ask, Sender, SignedOut, SKEW_MS } from "./sender.js";
import { no, stayAwake, yes } from "./signal.js";
import { bodyOf, needsPlaces, newDevice, newId, TASKS } from "./tasks.js";
import { listen } from "./wedge.js";
import { say } from "./words.js";

const UNDO_MS = 60_000;
const UNITS_MOST = 1_000_000;
const root = document.getElementById("scanner");
const places = JSON.parse(root.dataset.places);
const sender = new Sender();
const at = (id) => document.getElementById(id);

const work = { task: null, place: places[0], other: places[1], thing: null, code: "", quantity: 1, reason: null, order: null, recount: false, none: false };
let device = null;
let view = home;
let pending = null;   // the id of the scan whose answer the screen waits for
let last = null;      // the scan that may be taken back
let state = navigator.onLine ? "online" : "offline";
let closeCamera = null;

export function show(next) { view = next; render(); }

export function tell(text, kind = "") {
  at("said").textContent = text;
  at("said").className = `said ${kind}`;
}

function render() {
  closeCamera?.();
  closeCamera = null;
  document.body.classList.toggle("working", view !== home);
  stayAwake(view !== home);
  at("work").replaceChildren(...view());
  drawState();
}

async function drawState() {
  const [wait, asked] = [await queue.waiting(), await queue.questions()];
  const text = state === "signed_out" ? say("signed_out") : wait.length ? say("waiting", { count: wait.length }) : say(state === "online" ? "sent" : "offline");
  const parts = [element("span", {}, text)];
  if (state === "signed_out") parts.push(element("a", { href: "/login?next=/scan", class: "plain" }, say("sign_in")));
  if (asked.length) parts.push(button(say("questions", { count: asked.length }), () => show(showQuestions), "look"));
  at("state").className = `state ${state === "online" && !wait.length ? "" : "look"}`;
  at("state").dataset.waiting = wait.length;
  at("state").dataset.state = state;
  at("state").replaceChildren(...parts);
  drawUndo();
}

function drawUndo() {
  const isOpen = last !== null && Date.now() - last.at < UNDO_MS;
  at("last").replaceChildren(...(isOpen ? [element("span", {}, last.text), button(say("undo"), takeBack)] : []));
}

async function takeBack() {
  const of = last.id;
  last = null;
  pending = `undo:${of}`;
  await queue.add({ id: pending, undo: of, at: Date.now(), state: "waiting" });
  tell(say("undoing"));
  sent();
}

function home() {
  const tiles = Object.keys(TASKS).map((name) => {
    const lacks = needsPlaces(name) && places.length < 2;
    const tile = button(say(name), () => begin(name), "tile");
    tile.disabled = lacks;
    return tile;
  });
  const here = places.length > 1 ? choice(say("here"), "place", places.map((one) => [one, one]), work.place, (one) => { work.place = one; queue.remember("place", one); }) : element("p", { class: "soft" }, say("at", { place: work.place }));
  return [element("h1", {}, say("what")), element("div", { class: "tiles" }, ...tiles), here];
}

function begin(name) {
  Object.assign(work, { task: name, order: null, reason: TASKS[name].reasons?.[0] ?? null, other: places.find((one) => one !== work.place) });
  clearThing();
  tell("");
  show(name === "pick" ? showPicks : job);
}

function clearThing() {
  Object.assign(work, { thing: null, code: "", quantity: TASKS[work.task]?.counts ? 0 : 1, recount: false, none: false });
}

function head(title) {
  return element("div", { class: "head" }, button(say("back"), () => { clearThing(); show(view === job && work.task === "pick" ? showPicks : home); }, "plain"), element("h1", {}, title), element("span", { class: "soft" }, work.place));
}

function job() {
  const { task, thing, order } = work;
  if (task === "pick" && order) return pickJob();
  if (!thing) return [head(say(task)), element("p", { class: "answer" }, say("scan_thing")), ...options(), entry()];
  return [head(say(task)), card(thing), amount(), ...options(), confirm(say(work.recount ? "confirm_recount" : `confirm_${task}`, { units: work.quantity }), post)];
}

function card(thing) {
  const picture = thing.picture ? element("img", { src: thing.picture, alt: "" }) : null;
  const pack = thing.units > 1 ? element("span", { class: "soft" }, say("pack", { units: thing.units })) : null;
  return element("div", { class: "thing" }, picture, element("div", {}, element("p", { class: "answer" }, thing.title), element("p", { class: "soft" }, thing.sku || work.code, " ", pack)));
}

function amount() {
  const signed = TASKS[work.task].signed;
  const least = signed ? -UNITS_MOST : TASKS[work.task].counts ? 0 : 1;
  const field = element("input", { id: "units", type: "number", inputmode: "numeric", "aria-label": say("units"), value: work.quantity, min: least, max: UNITS_MOST });
  const set = (value) => {
    if (Number.isInteger(value)) work.quantity = Math.min(UNITS_MOST, Math.max(least, value));
    field.value = work.quantity;
    at("confirm").textContent = say(work.recount ? "confirm_recount" : `confirm_${work.task}`, { units: work.quantity });
  };
  field.addEventListener("change", () => set(Number.parseInt(field.value, 10)));
  field.addEventListener("focus", () => field.select());
  const less = button("−", () => set(work.quantity - 1), "step");
  const more = button("+", () => set(work.quantity + 1), "step");
  less.setAttribute("aria-label", say("less"));
  more.setAttribute("aria-label", say("more"));
  return element("div", { class: "amount" }, less, field, more);
}

function options() {
  const task = TASKS[work.task];
  const found = [];
  if (task.reasons && work.thing) found.push(choice(say("reason"), "reason", task.reasons.map((one) => [one, say(`reason_${one}`)]), work.reason, (one) => { work.reason = one; }));
  if (task.from || task.to) found.push(choice(say(task.to ? "to" : "from"), "other", places.filter((one) => one !== work.place).map((one) => [one, one]), work.other, (one) => { work.other = one; }));
  return found;
}

function confirm(text, onclick, kind = "") {
  return element("button", { id: "confirm", type: "button", class: `big ${kind}`, onclick }, text);
}

function entry() {
  const field = element("input", { id: "code", autocomplete: "off", autocapitalize: "characters", spellcheck: "false", enterkeyhint: "go" });
  const form = element("form", { class: "entry", onsubmit: (event) => { event.preventDefault(); const code = field.value; field.value = ""; if (code.trim()) scanned(code.trim()); } },
    element("label", { for: "code" }, say("type_code")), field, element("button", {}, say("go")));
  const video = element("video", { muted: true, playsinline: true, hidden: true });
  const look = async () => {
    try {
      video.hidden = false;
      closeCamera = await openCamera(video, scanned);
    } catch (fault) {
      video.hidden = true;
      refuse(say("no_camera"));
      console.info(fault.message);
    }
  };
  const camera = canScan() ? element("div", { class: "camera" }, video, button(say("camera"), look, "big")) : element("p", { class: "soft" }, say("wedge_ready"));
  return element("div", {}, form, camera);
}

function refuse(text) { no(); tell(text, "risk"); }

async function scanned(code) {
  const place = places.find((one) => one.toLowerCase() === code.toLowerCase());
  if (place) return arrive(place);
  if (!work.task || view === home) return refuse(say("choose_first"));
  if (view === showPicks) return chooseOrder(code);
  if (view !== job) return undefined;
  if (work.thing && code === work.code && !TASKS[work.task].counts && work.task !== "pick") {
    work.quantity += 1;
    yes();
    return render();
  }
  if (work.thing && work.task !== "pick") return refuse(say("confirm_first", { title: work.thing.title }));
  const thing = await lookUp(code);
  if (thing === null) { no(); return show(() => unknownView({ code, work, back: () => show(job), found: (one) => take(code, one) })); }
  return take(code, thing);
}

function arrive(place) {
  if (work.task && TASKS[work.task].to && place !== work.place) work.other = place;
  else work.place = place;
  yes();
  tell(say("at", { place }));
  render();
}

function take(code, thing) {
  if (work.task === "pick" && !work.order.lines.some((line) => line.sku === thing.sku)) return refuse(say("not_in_order", { title: thing.title }));
  const isSame = work.thing?.sku === thing.sku;
  Object.assign(work, { thing, code });
  if (work.task === "pick") work.quantity = isSame ? work.quantity + 1 : 1;
  else clearAmount();
  yes();
  tell("");
  return show(job);
}

function clearAmount() { work.quantity = TASKS[work.task].counts ? 0 : TASKS[work.task].signed ? -1 : 1; }

// What a code means; null where nobody knows it. Without network, what the device has seen before, or the bare code.
async function lookUp(code) {
  try {
    const thing = await ask(`/scan/things?code=${encodeURIComponent(code)}`);
    if (thing?.sku) await queue.remember(`thing:${code}`, thing);
    return thing?.sku ? thing : null;
  } catch (fault) {
    console.info("looked up on the device:", fault.message);
    return (await queue.recall(`thing:${code}`)) ?? { sku: "", title: code, units: 1 };
  }
}

async function post() {
  if (TASKS[work.task].signed && work.quantity === 0) return refuse(say("not_zero"));
  if ((await queue.waiting()).length >= queue.MOST) return refuse(say("full", { count: queue.MOST }));
  pending = newId(device);
  const title = work.thing?.title ?? work.code;
  const scan = { id: pending, at: Date.now(), state: "waiting", title, task: work.task, body: bodyOf(work.task, work) };
  await queue.add(scan);
  tell(say("sending"));
  if (work.task === "pick") finishLine();
  else clearThing();
  show(work.task === "pick" && !work.order ? showPicks : job);
  return sent();
}

function sent() {
  if (state !== "online") {
    yes();
    tell(say("kept"), "look");
    pending = null;
  }
  drawState();
  sender.wake();
}

async function judged({ scan, answer }) {
  const isDone = answer && (answer.verdict === "posted" || answer.verdict === "duplicate");
  if (isDone && !scan.undo) last = { id: scan.id, at: scan.at, text: answer.said };
  if (scan.id === pending) {
    pending = null;
    if (answer?.verdict === "recount" && work.task === "count" && !work.thing) await recount(scan, answer);
    else if (isDone) { yes(); tell(answer.said, "good"); }
    else { no(); tell(answer?.said || say("refused"), "risk"); }
  } else if (!isDone) {
    no();
  }
  drawState();
}

export async function recount(scan, answer) {
  await queue.remove((await queue.all()).find((one) => one.id === scan.id).number);
  Object.assign(work, { task: "count", place: scan.body.location, code: scan.body.code, quantity: 0, recount: true, thing: { sku: answer.sku, title: scan.title, units: 1 } });
  no();
  tell(answer.said, "look");
  show(job);
}

let picks = [];

async function loadPicks() {
  try {
    picks = (await ask(`/scan/picks?place=${encodeURIComponent(work.place)}`)).items;
    await queue.remember(`picks:${work.place}`, picks);
  } catch (fault) {
    console.info("orders as they were:", fault.message);
    picks = (await queue.recall(`picks:${work.place}`)) ?? [];
  }
  if (view === showPicks) at("orders")?.replaceChildren(...orderList());
}

function showPicks() {
  loadPicks();
  return [head(say("pick")), element("p", { class: "answer" }, say("choose_order")), element("div", { id: "orders", class: "list" }, ...orderList()), entry()];
}

function orderList() {
  if (!picks.length) return [element("p", { class: "soft" }, say("nothing_to_pick"))];
  return picks.map((order) => button(say("order", { number: order.number, units: order.lines.reduce((sum, line) => sum + line.units, 0) }), () => startOrder(order), "row"));
}

function chooseOrder(code) {
  const order = picks.find((one) => one.number === code || one.order_key === code);
  if (order) startOrder(order);
  else refuse(say("no_such_order", { number: code }));
}

function startOrder(order) {
  clearThing();
  work.order = structuredClone(order);
  yes();
  show(job);
}

const currentLine = () => work.order.lines.find((line) => line.sku === work.thing?.sku) ?? work.order.lines[0];

function pickJob() {
  const line = currentLine();
  const ready = work.thing !== null;
  const title = element("p", { class: "answer" }, say("pick_line", { units: line.units, title: line.title, place: work.place }));
  const order = element("p", { class: "soft" }, say("for_order", { number: work.order.number, sku: line.sku }));
  const nothing = work.none ? confirm(say("none_sure"), postNone, "risk") : button(say("none_there"), () => { work.none = true; render(); }, "wide");
  if (work.none) return [head(say("pick")), title, order, element("p", { class: "notice" }, say("none_means")), nothing, button(say("back"), () => { work.none = false; render(); }, "wide")];
  if (!ready) return [head(say("pick")), title, order, entry(), nothing];
  return [head(say("pick")), title, order, amount(), confirm(say("confirm_pick", { units: work.quantity }), post), nothing];
}

function postNone() {
  const line = currentLine();
  Object.assign(work, { code: line.sku, quantity: 0, thing: { sku: line.sku, title: line.title, units: 1 } });
  return post();
}

function finishLine() {
  const line = currentLine();
  line.units -= work.quantity * (work.thing?.units ?? 1);
  if (line.units <= 0 || work.quantity === 0) work.order.lines = work.order.lines.filter((one) => one !== line);
  picks = picks.map((one) => (one.order_key === work.order.order_key ? work.order : one)).filter((one) => one.lines.length);
  queue.remember(`picks:${work.place}`, picks);
  if (!work.order.lines.length) work.order = null;
  clearThing();
}

function showQuestions() {
  return questionsView({ back: () => show(home), redraw: () => show(showQuestions), recount, sender, newId: () => newId(device), link: (scan, done) => show(() => unknownView({ code: scan.body.code, work: { place: scan.body.location }, back: () => show(showQuestions), found: done })) });
}

async function start() {
  device = (await queue.recall("device")) ?? newDevice();
  await queue.remember("device", device);
  const place = await queue.recall("place");
  if (places.includes(place)) work.place = place;
  listen(scanned);
  sender.addEventListener("state", (event) => { state = event.detail; drawState(); });
  sender.addEventListener("clock", (event) => drawClock(event.detail));
  sender.addEventListener("judged", (event) => judged(event.detail));
  addEventListener("offline", () => { state = "offline"; drawState(); });
  document.addEventListener("visibilitychange", () => stayAwake(view !== home));
  setInterval(drawUndo, 5000);
  render();
  sender.wake();
  await navigator.serviceWorker?.register("/scan/sw.js", { scope: "/scan" });
}

function drawClock(skew) {
  const minutes = Math.round(Math.abs(skew) / 60_000);
  at("clock").hidden = Math.abs(skew) < SKEW_MS;
  at("clock").textContent = say(skew > 0 ? "clock_ahead" : "clock_behind", { minutes });
}

start().catch((fault) => {
  if (fault instanceof SignedOut) location.assign("/login?next=/scan");
  else throw fault;
});
