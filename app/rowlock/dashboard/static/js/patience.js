// How long a server may stay silent. Each piece of an answer begins the wait anew, so that a slow line can finish.

export const PATIENCE_MS = 20_000;

export class Patience {
  #controller = new AbortController();
  #timer = 0;

  constructor() {
    this.#anew();
  }

  get signal() {
    return this.#controller.signal;
  }

  async textOf(response) {
    const onward = new TransformStream({
      transform: (piece, stream) => {
        this.#anew();
        stream.enqueue(piece);
      },
    });
    return new Response(response.body?.pipeThrough(onward)).text();
  }

  end() {
    clearTimeout(this.#timer);
  }

  #anew() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#controller.abort(), PATIENCE_MS);
  }
}
