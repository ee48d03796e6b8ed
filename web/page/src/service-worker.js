/**
 * Keeps the page for use without a network. The build fills in the list of files and a version that changes
 * with them. What comes only on request, other libraries, is not kept.
 */

const CACHE = `depthwise-${'VERSION'}`;
const FILES = ['FILES'];

/** Of two modules, the one that this browser runs; should it need the other one after all, that is kept, too. */
function isWanted(file) {
  const vectors = [0x41, 0, 0xfd, 0x0f, 0x41, 0, 0xfd, 0x0f, 0x41, 0, 0xfd, 0x0f];
  const code = [0, ...vectors, 0xfd, 0x85, 0x02, 0x0b];
  const head = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 5, 1, 0x60, 0, 1, 0x7b, 3, 2, 1, 0];
  const probe = new Uint8Array([...head, 10, code.length + 2, 1, code.length, ...code]);
  const other = WebAssembly.validate(probe) ? /simd128-[^/]*\.wasm$/ : /relaxed-simd-[^/]*\.wasm$/;
  return !other.test(file);
}

async function install() {
  const cache = await caches.open(CACHE);
  await cache.addAll(FILES.filter(isWanted));
  await self.skipWaiting();
}

async function activate() {
  const names = await caches.keys();
  const old = names.filter((name) => name.startsWith('depthwise-') && name !== CACHE);
  await Promise.all(old.map((name) => caches.delete(name)));
  await self.clients.claim();
}

async function keep(cache, request) {
  const response = await fetch(request);
  const isOurs = FILES.some((file) => new URL(file, self.registration.scope).href === request.url);
  if (response.ok && isOurs) await cache.put(request, response.clone());
  return response;
}

/** What is kept is the same for every origin, whatever a server says of that. */
const kept = (cache, request) => cache.match(request, { ignoreVary: true });

/** Kept files first; their names change with what is in them. The page itself is asked for anew. */
async function answer(request) {
  const cache = await caches.open(CACHE);
  if (request.mode !== 'navigate') {
    return (await kept(cache, request)) ?? keep(cache, request);
  }
  try {
    const fresh = await fetch(request);
    if (fresh.ok) return fresh;
  } catch {
    // There is no network: the page that is kept does.
  }
  return (await kept(cache, './')) ?? Response.error();
}

self.addEventListener('install', (event) => event.waitUntil(install()));
self.addEventListener('activate', (event) => event.waitUntil(activate()));
self.addEventListener('fetch', (event) => {
  const { method, url } = event.request;
  if (method === 'GET' && new URL(url).origin === self.location.origin) {
    event.respondWith(answer(event.request));
  }
});
