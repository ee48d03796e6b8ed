/** What this device is, as far as a page can tell. */

interface Brands {
  readonly brands: readonly { brand: string; version: string }[];
  readonly platform: string;
}

/** The browser and the system, in a few words. */
export function device(): string {
  const data = (navigator as { userAgentData?: Brands }).userAgentData;
  const brand = data?.brands.find(({ brand }) => !/not.?a.?brand/i.test(brand) && brand !== 'Chromium') ?? data?.brands.find(({ brand }) => brand === 'Chromium');
  if (data && brand) return `${brand.brand} ${brand.version}, ${data.platform || 'unknown system'}`;
  const agent = navigator.userAgent;
  const browser = /(Firefox|Edg|Chrome|Version)\/(\d+)/.exec(agent);
  const system = /Android|iPhone|iPad|Mac OS X|Windows|Linux/.exec(agent)?.[0] ?? 'unknown system';
  const name = browser?.[1] === 'Version' ? 'Safari' : (browser?.[1] ?? 'a browser');
  return `${name} ${browser?.[2] ?? ''}, ${system}`;
}
