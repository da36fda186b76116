/**
 * Starts the requests that arrive in one turn of the event loop together, at its end.
 * The requests then take each step one after another, so that the code and data of
 * the step stay in the processor's caches. Without this, each request runs through
 * the whole engine alone and evicts what the next one needs. Decision 0013 has the figures.
 */
import type { Middleware } from 'koa'

/** @returns a middleware that delays each request to the end of its event loop turn and keeps the order of arrival */
export function startInBatches(): Middleware {
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
