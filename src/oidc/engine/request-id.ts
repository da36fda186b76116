/** The id that `web` gives every request; undefined only where no request is. */
export const requestIdOf = (ctx: { state?: { requestId?: unknown } }): string | undefined =>
  typeof ctx.state?.requestId === 'string' ? ctx.state.requestId : undefined
