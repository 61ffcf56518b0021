// The jobs of the floor, and the scan each of them makes.
export const TASKS = {
  receive: { kind: "receipt" },
  pick: { kind: "pick" },
  putaway: { kind: "transfer", from: true },
  move: { kind: "transfer", to: true },
  count: { kind: "count", counts: true },
  adjust: { kind: "adjust", signed: true, reasons: ["shrinkage", "correction", "damaged", "restock", "promotion", "other"] },
  aside: { kind: "damaged", reasons: ["damaged", "other"] },
  sale: { kind: "counter_sale" },
};

export const needsPlaces = (name) => Boolean(TASKS[name].from || TASKS[name].to);

export function bodyOf(name, work) {
  const task = TASKS[name];
  const body = { kind: task.kind, code: work.code, quantity: work.quantity, location: work.place };
  if (task.to) body.to_location = work.other;
  if (task.from) Object.assign(body, { location: work.other, to_location: work.place });
  if (task.reasons) body.reason = work.reason;
  if (name === "count" && !work.recount) body.blind = true;
  if (name === "pick") body.order = work.order.order_key;
  return body;
}

export function newId(device) {
  const random = crypto.getRandomValues(new Uint8Array(9));
  return `${device}:${Array.from(random, (one) => one.toString(36).padStart(2, "0")).join("")}`;
}

export function newDevice() {
  return `d${Array.from(crypto.getRandomValues(new Uint8Array(5)), (one) => one.toString(16).padStart(2, "0")).join("")}`;
}
