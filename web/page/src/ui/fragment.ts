/** Links to a part of the page, with what it shows: `#check?seed=7`. */

export function parameter(part: string, name: string): string | undefined {
  const [place, query] = location.hash.slice(1).split('?');
  return place === part && query ? (new URLSearchParams(query).get(name) ?? undefined) : undefined;
}

export function link(part: string, parameters: Record<string, string>): string {
  const url = new URL(location.href);
  url.hash = `${part}?${new URLSearchParams(parameters)}`;
  return url.href;
}
