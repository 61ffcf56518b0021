// What waits on the device: every scan with the id and the time it was given here, kept until the server has judged it.
const NAME = "syncd-scanner";
export const MOST = 1000;  // scans that may wait; then the page takes no more until some are sent

let opening = null;

function database() {
  opening ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("scans", { keyPath: "number", autoIncrement: true });
      request.result.createObjectStore("kept", { keyPath: "name" });
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  return opening;
}

async function within(store, mode, work) {
  const db = await database();
  return new Promise((resolve, reject) => {
    const transaction = db.transaction(store, mode, { durability: "strict" });
    const request = work(transaction.objectStore(store));
    transaction.oncomplete = () => resolve(request.result);
    transaction.onerror = () => reject(transaction.error);
    transaction.onabort = () => reject(transaction.error);
  });
}

export const all = () => within("scans", "readonly", (scans) => scans.getAll());
export const add = (scan) => within("scans", "readwrite", (scans) => scans.add(scan));
export const put = (scan) => within("scans", "readwrite", (scans) => scans.put(scan));
export const remove = (number) => within("scans", "readwrite", (scans) => scans.delete(number));

export const waiting = async () => (await all()).filter((scan) => scan.state === "waiting");
export const questions = async () => (await all()).filter((scan) => scan.state === "question");

export async function recall(name) {
  return (await within("kept", "readonly", (kept) => kept.get(name)))?.value;
}
export const remember = (name, value) => within("kept", "readwrite", (kept) => kept.put({ name, value }));
