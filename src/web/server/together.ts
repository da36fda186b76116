/**
 * Requests that arrive in one turn of the event loop start together, after it.
 * Each then goes one step and waits while the others go the same step, so that a
 * step's code and data are still in the processor's caches for all but the
 * first of them. Begun one by one as they are read from their sockets, each
 * request would walk the whole length of the engine alone and push out of the
 * caches what the next one needs (decision 0013 has the figures).
 */
import type { Middleware } from 'koa'

/** A middleware of which every request that enters it in a turn of the event loop leaves it at the turn's end, in order. */
export function startTogether(): Middleware {
  let gathering: Promise<void> | undefined
  return async (_ctx, next) => {
    gathering ??= endOfTurn().then(() => {
      gathering = undefined
    })
    await gathering
    return next()
  }
}

const endOfTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
