/** The page. */

import './style/base.css';
import './style/parts.css';

import { Check } from './check/check';
import { Cover } from './cover/cover';
import { hasRelaxedSimd, hasSimd } from './engine/features';
import { keepForLater } from './offline';
import { Speed } from './speed/speed';
import { Teach } from './teach/teach';
import { device } from './ui/device';
import { h, replace } from './ui/dom';

function about(): HTMLElement {
  const chips = [device(), hasRelaxedSimd() ? 'relaxed SIMD: fused multiply-add' : 'SIMD', 'one thread'];
  return h('ul', { class: 'chips', 'aria-label': 'This device' }, ...chips.map((chip) => h('li', {}, chip)));
}

function start(): void {
  const [place, main] = [document.getElementById('device'), document.getElementById('parts')];
  if (!place || !main) return;
  replace(place, about());
  if (!hasSimd()) {
    replace(main, h('p', { class: 'card' }, 'This browser has no SIMD in WebAssembly. Any browser of the last three years has.'));
    return;
  }
  const parts = [new Teach(), new Check(), new Cover(), new Speed()];
  replace(main, ...parts.map((part) => part.element));
  const wanted = location.hash.slice(1).split('?')[0];
  if (wanted) document.getElementById(wanted)?.scrollIntoView();
}

start();
keepForLater(document.getElementById('offline'));
