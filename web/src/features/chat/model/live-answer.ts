/** An answer that is being written, as something that views can watch. */
import { onNextFrame } from "@/lib/frames";
import { type Answer, NOTHING } from "@/lib/stream/answers";
import { follow, type Source } from "@/lib/stream/follow";

export interface LiveState {
  readonly answer: Answer;
  /** Whether it is being listened to just now. */
  readonly connected: boolean;
}

export class LiveAnswer {
  #state: LiveState;
  #drawn: LiveState;
  #scheduled = false;
  readonly #listeners = new Set<() => void>();
  readonly #leaving = new AbortController();

  constructor(generationId?: string) {
    this.#state = { answer: generationId ? { ...NOTHING, generationId } : NOTHING, connected: true };
    this.#drawn = this.#state;
  }

  /** What is to be shown: it changes once for each picture at most, however fast the model writes. */
  readonly state = (): LiveState => this.#drawn;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** What has come, up to now. */
  get answer(): Answer {
    return this.#state.answer;
  }

  /**
   * Follows the answer to its end; `onStart` is called once it is known which it is.
   *
   * @throws ApiError, SessionEnded there will be none.
   */
  async run(source: Source, onStart?: (answer: Answer) => void): Promise<void> {
    let started = this.answer.generationId !== undefined;
    for await (const { answer, connected } of follow(source, this.#leaving.signal, this.answer)) {
      this.#state = { answer, connected };
      if (!started && answer.generationId !== undefined) {
        started = true;
        onStart?.(answer);
      }
      this.#schedule();
    }
    this.#draw();
  }

  /** Stops listening. The answer goes on. */
  leave(): void {
    this.#leaving.abort();
  }

  #schedule(): void {
    if (!this.#scheduled) {
      this.#scheduled = true;
      onNextFrame(() => this.#draw());
    }
  }

  #draw(): void {
    this.#scheduled = false;
    this.#drawn = this.#state;
    for (const listener of this.#listeners) {
      listener();
    }
  }
}
