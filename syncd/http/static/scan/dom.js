// Building the page: element("button", { class: "big", onclick }, "text").
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === false || value === null) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, "");
    else made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

export const button = (text, onclick, kind = "") => element("button", { type: "button", class: kind, onclick }, text);

export function choice(legend, name, options, chosen, onchoose) {
  const rows = options.map(([value, text]) => element("label", { class: "choice" },
    element("input", { type: "radio", name, value, checked: value === chosen, onchange: () => onchoose(value) }), text));
  return element("fieldset", { class: "choices" }, element("legend", {}, legend), ...rows);
}
