/** Registers the service worker, which keeps the page for use without a network. */

export function keepForLater(note: HTMLElement | null): void {
  if (!import.meta.env.PROD || !('serviceWorker' in navigator)) return;
  const register = async () => {
    await navigator.serviceWorker.register('./service-worker.js');
    await navigator.serviceWorker.ready;
    if (note) note.textContent = 'Works without a network from now on.';
  };
  // Without it, the page only needs a network.
  addEventListener('load', () => void register().catch(() => undefined));
}
