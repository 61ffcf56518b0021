// A tone and a vibration for yes, a different pair for no: told apart with gloves on and eyes elsewhere.
let context = null;

function tone(from, frequency, seconds, kind) {
  const oscillator = context.createOscillator();
  const loudness = context.createGain();
  oscillator.type = kind;
  oscillator.frequency.value = frequency;
  loudness.gain.setValueAtTime(0.25, from);
  loudness.gain.exponentialRampToValueAtTime(0.001, from + seconds);
  oscillator.connect(loudness).connect(context.destination);
  oscillator.start(from);
  oscillator.stop(from + seconds);
}

function sound(tones) {
  if (!window.AudioContext) return;
  context ??= new AudioContext();
  if (context.state === "suspended") context.resume();  // browsers keep quiet until something was touched
  let at = context.currentTime;
  for (const [frequency, seconds, kind] of tones) {
    tone(at, frequency, seconds, kind);
    at += seconds;
  }
}

export function yes() {
  sound([[880, 0.09, "sine"], [1320, 0.16, "sine"]]);
  navigator.vibrate?.(60);
}

export function no() {
  sound([[220, 0.22, "square"], [165, 0.35, "square"]]);
  navigator.vibrate?.([180, 80, 180]);
}

let lock = null;

export async function stayAwake(wanted) {
  if (!navigator.wakeLock) return;
  try {
    if (wanted && !lock && document.visibilityState === "visible") {
      lock = await navigator.wakeLock.request("screen");
      lock.addEventListener("release", () => { lock = null; });
    } else if (!wanted && lock) {
      await lock.release();
    }
  } catch (fault) {
    console.info("the screen may go dark:", fault.message);  // a low battery refuses; work goes on
  }
}
