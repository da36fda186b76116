/** The id that `web` gives every request; undefined only outside a request. */
export const requestIdOf = (ctx: { state?: { requestId?: unknown } }): string | undefined =>
  typeof ctx.state?.requestId === 'string' ? ctx.state.requestId : undefined
