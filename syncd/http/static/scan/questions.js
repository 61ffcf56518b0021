// What could not be booked stays here until somebody answered it; and what to do with a code nobody knows.
import { button, element } from "./dom.js";
import * as queue from "./queue.js";
import { ask } from "./sender.js";
import { no, yes } from "./signal.js";
import { say } from "./words.js";

const SEARCH_AFTER_MS = 200;

export function unknownView({ code, work, back, found }) {
  const units = element("input", { id: "link-units", type: "number", inputmode: "numeric", min: 1, value: 1 });
  const list = element("div", { class: "list", role: "status" });
  const message = element("p", { class: "soft", role: "status" });
  const fail = () => { no(); message.textContent = say("needs_network"); };
  const link = async (thing) => {
    try {
      const answer = await ask("/scan/codes", { code, sku: thing.sku, units: Number.parseInt(units.value, 10) || 1 });
      if (answer?.verdict !== "linked") return fail();
      return found({ sku: answer.sku, title: answer.title, units: answer.units });
    } catch (fault) {
      console.info(fault.message);
      return fail();
    }
  };
  const search = async (words) => {
    try {
      const items = words.trim() ? (await ask(`/scan/search?words=${encodeURIComponent(words)}`)).items : [];
      list.replaceChildren(...items.map((one) => button(`${one.title} · ${one.sku}`, () => link(one), "row")));
    } catch (fault) {
      console.info(fault.message);
      fail();
    }
  };
  let timer = null;
  const field = element("input", { id: "search", autocomplete: "off", oninput: () => { clearTimeout(timer); timer = setTimeout(() => search(field.value), SEARCH_AFTER_MS); } });
  const note = async () => {
    try {
      await ask("/scan/codes", { code, place: work.place });
      yes();
      back();
    } catch (fault) {
      console.info(fault.message);
      fail();
    }
  };
  return [
    element("div", { class: "head" }, button(say("back"), back, "plain"), element("h1", {}, say("unknown"))),
    element("p", { class: "answer" }, code), element("p", {}, say("unknown_what")),
    element("label", { for: "search" }, say("search")), field,
    element("label", { for: "link-units" }, say("link_units")), units,
    list, message, button(say("note_it"), note, "wide"),
  ];
}

export function questionsView({ back, redraw, recount, sender, newId, link }) {
  const list = element("div", { class: "list" });
  const again = async (scan, changes = {}) => {
    await queue.put({ ...scan, ...changes, state: "waiting", answer: undefined });
    await sender.wake();
    redraw();
  };
  const drop = async (scan) => { await queue.remove(scan.number); redraw(); };
  const row = (scan) => {
    const verdict = scan.answer?.verdict;
    const when = new Date(scan.at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    const what = scan.undo ? say("undo") : `${say(scan.task)} · ${scan.body.quantity} × ${scan.title}`;
    const ways = [];
    if (verdict === "recount") ways.push(button(say("count_again"), () => recount(scan, scan.answer)));
    else if (verdict === "unknown_code") ways.push(button(say("say_what"), () => link(scan, () => again(scan))));
    else if (!scan.undo) ways.push(button(say("send_again"), () => again(scan, verdict === "conflict" ? { id: newId() } : {})));
    ways.push(button(say("drop"), (event) => {
      event.target.replaceWith(button(say("drop_sure"), () => drop(scan), "risk"));
    }, "quiet"));
    return element("article", { class: "question" }, element("p", { class: "soft" }, `${when} · ${what}`), element("p", {}, scan.answer?.said || say("refused")), element("div", { class: "ways-row" }, ...ways));
  };
  queue.questions().then((scans) => list.replaceChildren(...(scans.length ? scans.map(row) : [element("p", { class: "soft" }, say("no_questions"))])));
  return [element("div", { class: "head" }, button(say("back"), back, "plain"), element("h1", {}, say("questions_title"))), list];
}
