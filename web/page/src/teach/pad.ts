/** The pad that is drawn on. */

import { h, svg } from '../ui/dom';
import type { Drawing, Point } from './drawing';
import { thumbnail } from './drawing';

/** A point nearer than this to the last is not a new one. */
const NEAR = 0.01;

export class Pad {
  readonly element: HTMLElement;
  /** Called when a stroke grows or the drawing is replaced; `done` if the pen is up. */
  change: (done: boolean) => void = () => undefined;
  #drawing: Drawing = [];
  #pen: number | undefined;
  #stroke: Point[] = [];
  readonly #hint: HTMLElement;

  constructor(hint: string) {
    this.#hint = h('span', { class: 'hint' }, hint);
    this.element = h(
      'div',
      {
        class: 'pad',
        role: 'img',
        'aria-label': 'Drawing pad',
        pointerdown: (event: PointerEvent) => this.#down(event),
        pointermove: (event: PointerEvent) => this.#move(event),
        pointerup: (event: PointerEvent) => this.#up(event),
        pointercancel: (event: PointerEvent) => this.#up(event),
      },
    );
    this.#show();
  }

  get drawing(): Drawing {
    return this.#drawing;
  }

  set drawing(drawing: Drawing) {
    this.#drawing = drawing;
    this.#show();
    this.change(true);
  }

  describe(text: string): void {
    this.element.setAttribute('aria-label', `Drawing pad: ${text}`);
  }

  #point({ clientX, clientY }: PointerEvent): Point {
    const { left, top, width, height } = this.element.getBoundingClientRect();
    const inside = (place: number) => Math.min(1, Math.max(0, place));
    return [inside((clientX - left) / width), inside((clientY - top) / height)];
  }

  #down(event: PointerEvent): void {
    if (this.#pen !== undefined || event.button !== 0) return;
    event.preventDefault();
    this.#pen = event.pointerId;
    this.element.setPointerCapture(event.pointerId);
    this.#stroke = [this.#point(event)];
    this.#drawing = [...this.#drawing, this.#stroke];
    this.#show();
  }

  #move(event: PointerEvent): void {
    if (event.pointerId !== this.#pen) return;
    for (const each of event.getCoalescedEvents?.() ?? [event]) {
      const [point, last] = [this.#point(each), this.#stroke.at(-1)];
      if (!last || Math.hypot(point[0] - last[0], point[1] - last[1]) >= NEAR) this.#stroke.push(point);
    }
    this.#show();
    this.change(false);
  }

  #up(event: PointerEvent): void {
    if (event.pointerId !== this.#pen) return;
    this.#pen = undefined;
    this.change(true);
  }

  #show(): void {
    const guides = svg(
      'svg',
      { class: 'guides', viewBox: '0 0 100 100', 'aria-hidden': 'true' },
      svg('path', { d: 'M50 4V96M4 50H96' }),
    );
    this.element.replaceChildren(guides, thumbnail(this.#drawing));
    if (this.#drawing.length === 0) this.element.append(this.#hint);
  }
}
