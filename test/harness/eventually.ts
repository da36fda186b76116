import { setTimeout as wait } from 'node:timers/promises'

/** Asks again and again until there is an answer; what never comes is `undefined`. */
export async function eventually<T>(
  look: () => T | undefined | Promise<T | undefined>,
  { tries = 100, pauseMs = 50 } = {},
): Promise<T | undefined> {
  for (let left = tries; left > 0; left -= 1) {
    const found = await look()
    if (found !== undefined && found !== false) return found
    await wait(pauseMs)
  }
  return undefined
}
