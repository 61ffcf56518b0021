// What the page says, in the language it was made for; %(name)s stands for a fact.
const words = JSON.parse(document.getElementById("words").textContent);

export function say(key, facts = {}) {
  const text = words[key];
  if (text === undefined) throw new Error(`the page has no words for ${key}`);
  return text.replace(/%\((\w+)\)s/g, (_, name) => String(facts[name] ?? ""));
}
