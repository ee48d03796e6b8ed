/** A worker with an engine, and questions to it. */

import type { Answer, Method, Methods, Question } from './protocol';

/** A trap of the engine, in a case. */
export class Trap extends Error {
  /** The command that repeats the case. */
  readonly repeat: string;

  constructor(message: string, repeat: string) {
    super(message);
    this.repeat = repeat;
  }
}

interface Waiting {
  readonly resolve: (result: never) => void;
  readonly reject: (error: Error) => void;
}

export class Engine {
  #worker: Worker | undefined;
  readonly #waiting = new Map<number, Waiting>();
  #next = 0;

  /** Asks; the worker is started by the first question. */
  ask<M extends Method>(
    method: M,
    ...args: Parameters<Methods[M]>
  ): Promise<Awaited<ReturnType<Methods[M]>>> {
    this.#worker ??= this.#start();
    const id = this.#next++;
    const question: Question = { id, method, args };
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker?.postMessage(question);
    });
  }

  /** Ends the worker and whatever it does. */
  end(): void {
    this.#worker?.terminate();
    this.#worker = undefined;
    this.#fail(new Error('ended'));
  }

  #start(): Worker {
    const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });
    worker.onmessage = ({ data }: MessageEvent<Answer>) => {
      const waiting = this.#waiting.get(data.id);
      this.#waiting.delete(data.id);
      if (!('error' in data)) waiting?.resolve(data.result as never);
      else if (data.repeat) waiting?.reject(new Trap(data.error, data.repeat));
      else waiting?.reject(new Error(data.error));
    };
    worker.onerror = (event) => this.#fail(new Error(event.message || 'the worker did not start'));
    return worker;
  }

  #fail(error: Error): void {
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}

/** One engine for each part of the page, so that none waits for another. */
export const engines = {
  teach: new Engine(),
  check: new Engine(),
  cover: new Engine(),
  speed: new Engine(),
};
