/** Why a convolution, a tensor or an argument is refused. Nothing has been touched. */
export class DepthwiseError extends Error {
  override readonly name = 'DepthwiseError';

  /** The error as one of these, if the module has thrown it. */
  static from(error: unknown): unknown {
    const refused = error instanceof Error && !(error instanceof WebAssembly.RuntimeError);
    return refused ? new DepthwiseError(error.message, { cause: error }) : error;
  }
}
