// Scanners that type: a burst of keys ended by Enter or Tab, wherever the focus is. The sign GS between the parts of an
// element string comes as itself, or as Ctrl+] from those that type it.
const GS = "\u001d";
const LONGEST = 200;
const PAUSE_MS = 500;  // a busy device hands a scanner's keys on late

export function listen(onCode) {
  let typed = "";
  let last = 0;
  document.addEventListener("keydown", (event) => {
    const field = event.target instanceof HTMLInputElement || event.target instanceof HTMLTextAreaElement;
    if (field) return;  // a person types there; the field's own form sends it
    const now = event.timeStamp;
    if (now - last > PAUSE_MS) typed = "";
    last = now;
    if (event.key === "Enter" || event.key === "Tab") {
      if (typed.length < 3) return;  // a person, not a scanner
      event.preventDefault();
      const code = typed;
      typed = "";
      onCode(code);
    } else if (event.key === GS || (event.ctrlKey && event.key === "]")) {
      typed += GS;
      event.preventDefault();
    } else if (event.key.length === 1 && !event.ctrlKey && !event.metaKey && !event.altKey) {
      typed = (typed + event.key).slice(-LONGEST);
    }
  }, true);
}
