// Scanning with the camera, where the browser can read codes itself.
const FORMATS = ["ean_13", "ean_8", "upc_a", "upc_e", "code_128", "code_39", "itf", "data_matrix", "qr_code"];
const EVERY_MS = 150;
const SAME_AGAIN_MS = 1500;

export const canScan = () => "BarcodeDetector" in window && Boolean(navigator.mediaDevices?.getUserMedia);

export async function open(video, onCode) {
  const known = await BarcodeDetector.getSupportedFormats();
  const detector = new BarcodeDetector({ formats: FORMATS.filter((one) => known.includes(one)) });
  const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" }, audio: false });
  video.srcObject = stream;
  await video.play();
  let before = { code: "", at: 0 };
  const timer = setInterval(async () => {
    if (video.readyState < 2) return;
    const [found] = await detector.detect(video);
    const now = performance.now();
    if (!found || (found.rawValue === before.code && now - before.at < SAME_AGAIN_MS)) return;
    before = { code: found.rawValue, at: now };
    onCode(found.rawValue);
  }, EVERY_MS);
  return () => {
    clearInterval(timer);
    for (const track of stream.getTracks()) track.stop();
    video.srcObject = null;
  };
}
