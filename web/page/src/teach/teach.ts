/** Teach it: drawings of some classes, a network that learns them here, and what it then sees. */

import { engines } from '../engine/client';
import { button, stat, stats, Status, stopWhenHidden } from '../ui/controls';
import { h, id, replace, say } from '../ui/dom';
import { percent, significant } from '../ui/format';
import { part, segments } from '../ui/part';
import { Curves } from './curves';
import { coordinates, thumbnail, type Drawing } from './drawing';
import { open, save, type Example, type Group } from './model';
import { Pad } from './pad';
import { sample, TEMPLATES } from './samples';

const SEED = 1;
const [FEWEST, MOST] = [2, 6];

/** One drawing of so many is kept for the test. */
const HELD_OUT = 3;

/** Sample drawings of a class, one of three for the test. */
const SAMPLES = 6;

/** Seconds that the network learns before the page shows how far it is. */
const SLICE = 0.12;

/** Batches of 32 drawings in the last test. */
const LAST_TEST = 16;

type Mode = 'teach' | 'ask';
type State = 'untaught' | 'learning' | 'paused' | 'taught';

export class Teach {
  readonly element: HTMLElement;
  readonly #engine = engines.teach;
  #groups: Group[] = [0, 1, 2].map(newGroup);
  #selected = 0;
  #state: State = 'untaught';
  #mode: Mode = 'teach';
  #sampled = 0;

  readonly #pad = new Pad('Draw here');
  readonly #modes = segments<Mode>(
    'Draw to',
    [
      ['teach', 'Teach'],
      ['ask', 'Ask'],
    ],
    'teach',
    (mode) => this.#setMode(mode),
  );
  readonly #actions = h('div', { class: 'actions' });
  readonly #answer = h('div', { class: 'answer' });
  readonly #list = h('div', { class: 'groups' });
  readonly #train = button('', () => void this.#press(), { class: 'primary wide' });
  readonly #bar = h('progress', { 'aria-label': 'Training', max: 1, value: 0 });
  readonly #status = new Status();
  readonly #verdict = new Status();
  readonly #curves = new Curves();
  readonly #rate = stat('steps a second');
  readonly #loss = stat('loss');
  readonly #accuracy = stat('test drawings recognised');
  readonly #numbers = stats(this.#accuracy, this.#loss, this.#rate);
  readonly #file = h('input', {
    type: 'file',
    id: id('file'),
    class: 'hidden',
    accept: '.json,application/json',
    change: () => void this.#load(),
  });

  constructor() {
    this.#pad.change = (done) => void this.#recognise(done);
    stopWhenHidden(() => this.#pause());
    this.element = part(
      'teach',
      'Teach it',
      'Draw a few examples of each class and press Train. A small convolutional network learns them ' +
        'from nothing, in this tab, by the same three passes that train on a server. Then draw, and see what it thinks.',
      h(
        'div',
        { class: 'card columns' },
        h('div', { class: 'stage' }, this.#modes.element, this.#pad.element, this.#actions, this.#verdict.element, this.#answer),
        h(
          'div',
          { class: 'side' },
          h('h3', {}, 'Classes'),
          this.#list,
          this.#train,
          this.#bar,
          this.#status.element,
          this.#numbers,
          this.#curves.element,
          h(
            'div',
            { class: 'actions quiet' },
            button('Save drawings and network', () => void this.#save()),
            button('Open a saved file', () => this.#file.click()),
            this.#file,
          ),
        ),
      ),
    );
    this.#show();
  }

  /** The last drawing of the pad, for other parts. */
  get drawing(): Drawing {
    return this.#pad.drawing;
  }

  get #count(): number {
    return this.#groups.reduce((sum, { examples }) => sum + examples.length, 0);
  }

  #setMode(mode: Mode): void {
    this.#mode = mode;
    this.#modes.set(mode);
    this.#pad.drawing = [];
    this.#show();
  }

  /** Whatever was learnt no longer fits the drawings. */
  #forget(): void {
    this.#state = 'untaught';
    this.#curves.clear();
    this.#bar.value = 0;
    this.#status.say('');
    this.#mode = 'teach';
    this.#modes.set('teach');
    this.#show();
  }

  #show(): void {
    this.#showGroups();
    this.#showActions();
    this.#showAnswer(undefined);
    const empty = this.#count === 0;
    const labels: Record<State, string> = {
      untaught: empty ? 'Train with sample drawings' : 'Train',
      learning: 'Pause',
      paused: 'Continue',
      taught: 'Train again',
    };
    say(this.#train, labels[this.#state]);
    const started = this.#state !== 'untaught';
    this.#bar.hidden = !started;
    this.#numbers.hidden = !started;
    this.#pad.describe(this.#mode === 'teach' ? `an example of ${this.#group().name}` : 'a question');
  }

  #group(): Group {
    return this.#groups[this.#selected] ?? newGroup(0);
  }

  #showActions(): void {
    const clear = button('Clear', () => (this.#pad.drawing = []));
    const asking = this.#mode === 'ask';
    const name = this.#group().name || 'class';
    replace(
      this.#actions,
      asking
        ? button('Draw a sample for me', () => this.#askSample(), { class: 'primary' })
        : button(`Add to ${name}`, () => this.#addDrawn(), { class: 'primary' }),
      asking ? null : button('Add a sample', () => this.#addSamples([this.#selected], 1)),
      clear,
    );
  }

  #showGroups(): void {
    const name = id('group');
    replace(
      this.#list,
      ...this.#groups.map((group, index) => this.#showGroup(name, group, index)),
      this.#groups.some(({ examples }) => examples.some(({ heldOut }) => heldOut)) &&
        h('p', { class: 'soft' }, 'Dashed: kept for the test, and never learnt from.'),
      h(
        'div',
        { class: 'actions quiet' },
        this.#groups.length < MOST && button('Add a class', () => this.#addGroup()),
        button('Add samples to all', () => this.#addSamples(this.#groups.map((_, i) => i), SAMPLES)),
        this.#count > 0 && button('Remove all drawings', () => this.#removeDrawings()),
      ),
    );
  }

  #showGroup(name: string, group: Group, index: number): HTMLElement {
    const heldOut = group.examples.filter((example) => example.heldOut).length;
    const count = group.examples.length - heldOut;
    return h(
      'div',
      { class: 'group' },
      h(
        'label',
        { class: 'pick' },
        h('input', {
          type: 'radio',
          name,
          checked: index === this.#selected,
          change: () => {
            this.#selected = index;
            if (this.#mode === 'ask') this.#setMode('teach');
            else this.#showActions();
          },
        }),
        h('span', { class: 'visually-hidden' }, `Draw examples of ${group.name}`),
      ),
      h('input', {
        class: 'name',
        'aria-label': `Name of class ${index + 1}`,
        value: group.name,
        maxlength: 20,
        input: (event: InputEvent) => {
          group.name = (event.target as HTMLInputElement).value;
          this.#showActions();
          this.#showAnswer(undefined);
        },
      }),
      h(
        'div',
        { class: 'thumbnails', role: 'img', 'aria-label': `${count} drawings to learn, ${heldOut} for the test` },
        ...group.examples.map(({ drawing, heldOut }) =>
          h('span', { class: heldOut ? 'thumbnail test' : 'thumbnail' }, thumbnail(drawing)),
        ),
        group.examples.length === 0 && h('span', { class: 'none' }, 'no drawings yet'),
      ),
      this.#groups.length > FEWEST &&
        button('×', () => this.#removeGroup(index), { class: 'remove', 'aria-label': `Remove ${group.name}` }),
    );
  }

  #addGroup(): void {
    const used = new Set(this.#groups.map(({ name }) => name));
    const free = TEMPLATES.findIndex(({ name }) => !used.has(name));
    this.#groups.push(newGroup(Math.max(0, free)));
    this.#selected = this.#groups.length - 1;
    this.#forget();
  }

  #removeGroup(index: number): void {
    this.#groups.splice(index, 1);
    this.#selected = 0;
    this.#forget();
  }

  #removeDrawings(): void {
    for (const group of this.#groups) group.examples = [];
    this.#forget();
  }

  #add(group: Group, drawing: Drawing): void {
    const heldOut = group.examples.length % HELD_OUT === HELD_OUT - 1;
    group.examples = [...group.examples, { drawing, heldOut }];
  }

  #addDrawn(): void {
    if (this.#pad.drawing.length === 0) return this.#status.say('Draw something first.');
    this.#add(this.#group(), this.#pad.drawing);
    this.#pad.drawing = [];
    this.#forget();
  }

  #addSamples(groups: number[], count: number): void {
    for (const index of groups) {
      const group = this.#groups[index];
      for (let i = 0; group && i < count; i += 1) {
        this.#add(group, sample(template(group, index), (this.#sampled += 1)));
      }
    }
    this.#forget();
  }

  #askSample(): void {
    const index = Math.floor(Math.random() * this.#groups.length);
    const group = this.#groups[index];
    // Beyond the seeds of all samples that anyone adds.
    if (group) this.#pad.drawing = sample(template(group, index), 1e6 + Math.floor(1e6 * Math.random()));
  }

  async #press(): Promise<void> {
    if (this.#state === 'learning') return this.#pause();
    try {
      await this.#learn();
    } catch (error) {
      this.#state = 'untaught';
      this.#status.say(`The training failed: ${(error as Error).message}`);
      this.#show();
    }
  }

  async #learn(): Promise<void> {
    if (this.#count === 0) this.#addSamples(this.#groups.map((_, i) => i), SAMPLES);
    const taught = this.#groups.filter(({ examples }) => examples.length > 0).length;
    if (taught < FEWEST) return this.#status.say('Draw examples of two classes at least.');
    const anew = this.#state !== 'paused';
    this.#state = 'learning';
    if (anew) await this.#begin();
    this.#show();
    while (this.#state === 'learning') {
      const progress = await this.#engine.ask('train', SLICE);
      this.#curves.add(progress);
      this.#bar.value = progress.step / progress.steps;
      this.#rate.set(significant(progress.step / progress.seconds));
      this.#loss.set((this.#curves.loss ?? Number.NaN).toFixed(3));
      this.#showAccuracy(this.#curves.accuracy);
      this.#status.progress(`Step ${progress.step} of ${progress.steps}`);
      if (progress.step === progress.steps) return this.#finish(progress.seconds);
    }
  }

  async #begin(): Promise<void> {
    this.#curves.clear();
    await this.#engine.ask('teach', this.#groups.length, SEED);
    for (const [index, group] of this.#groups.entries()) {
      for (const { drawing, heldOut } of group.examples) {
        await this.#engine.ask('lesson', index, coordinates(drawing), heldOut);
      }
    }
  }

  async #finish(seconds: number): Promise<void> {
    const accuracy = await this.#engine.ask('test', LAST_TEST);
    this.#state = 'taught';
    this.#showAccuracy(accuracy);
    const recognised = Number.isNaN(accuracy)
      ? 'Three drawings of a class let it be tested, too.'
      : `It recognises ${percent(accuracy)} of ${32 * LAST_TEST} variations of drawings that it has never seen.`;
    this.#invite(`Learnt in ${significant(seconds)} s. ${recognised}`);
  }

  #invite(text: string): void {
    this.#status.say(text);
    this.#setMode('ask');
    this.#verdict.say('Now draw one of them, or have a sample drawn.');
    this.#pad.element.scrollIntoView({ block: 'center' });
  }

  #showAccuracy(accuracy: number | undefined): void {
    this.#accuracy.set(accuracy === undefined || Number.isNaN(accuracy) ? '–' : percent(accuracy));
  }

  #pause(): void {
    if (this.#state !== 'learning') return;
    this.#state = 'paused';
    this.#status.say('Paused.');
    this.#show();
  }

  async #recognise(done: boolean): Promise<void> {
    if (this.#mode !== 'ask') return;
    if (this.#state !== 'taught') return this.#showAnswer(undefined);
    const drawing = this.#pad.drawing;
    if (drawing.length === 0) return this.#showAnswer(undefined);
    const probabilities = await this.#engine.ask('recognise', coordinates(drawing));
    if (drawing === this.#pad.drawing) this.#showAnswer(probabilities);
    const best = probabilities.indexOf(Math.max(...probabilities));
    if (done) this.#verdict.say(`${this.#groups[best]?.name}, ${percent(probabilities[best] ?? 0)} sure.`);
  }

  #showAnswer(probabilities: Float32Array | undefined): void {
    if (!probabilities) this.#verdict.say('');
    if (this.#mode !== 'ask') return replace(this.#answer);
    if (this.#state !== 'taught') {
      return replace(this.#answer, h('p', { class: 'soft' }, 'The network knows nothing yet: teach and train it first.'));
    }
    const best = probabilities ? Math.max(...probabilities) : Number.NaN;
    const answers = this.#groups.map(({ name }, i) => {
      const share = probabilities?.[i];
      const fill = h('span', { class: 'fill' });
      fill.style.width = percent(share ?? 0, 1).replace(' ', '');
      return h(
        'li',
        { class: share === best ? 'best' : null },
        h('span', { class: 'label' }, name || `class ${i + 1}`),
        h('span', { class: 'track', 'aria-hidden': 'true' }, fill),
        h('span', { class: 'share' }, share === undefined ? '–' : percent(share)),
      );
    });
    replace(this.#answer, h('ul', { class: 'answers', 'aria-label': 'Probability of each class' }, ...answers));
  }

  async #save(): Promise<void> {
    const weights = this.#state === 'taught' ? await this.#engine.ask('weights') : undefined;
    const url = URL.createObjectURL(save(this.#groups, weights));
    h('a', { href: url, download: 'depthwise-drawings.json' }).click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
  }

  async #load(): Promise<void> {
    const file = this.#file.files?.[0];
    this.#file.value = '';
    if (!file) return;
    try {
      const { groups, weights } = open(await file.text());
      this.#groups = groups;
      this.#selected = 0;
      this.#forget();
      if (weights) {
        await this.#begin();
        await this.#engine.ask('setWeights', weights);
        await this.#finishLoading();
      }
    } catch (error) {
      this.#status.say(`Could not open it: ${(error as Error).message}.`);
    }
  }

  async #finishLoading(): Promise<void> {
    const accuracy = await this.#engine.ask('test', LAST_TEST);
    this.#state = 'taught';
    this.#showAccuracy(accuracy);
    this.#invite('The network of the file is ready.');
  }
}

const newGroup = (index: number): Group => ({
  name: TEMPLATES[index]?.name ?? `Class ${index + 1}`,
  examples: [] as Example[],
});

/** The template that a class is named after, or else the one of its place. */
function template({ name }: Group, index: number): number {
  const named = TEMPLATES.findIndex((other) => other.name.toLowerCase() === name.toLowerCase());
  return named < 0 ? index : named;
}
