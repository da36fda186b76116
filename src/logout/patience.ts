/** How long an app that does not answer is tried: seconds at first, an hour apart in the end, about seven hours in all. */
export const mostAttempts = 15

const firstSeconds = 5
const mostSeconds = 3_600

/** @param attempts tries so far, at least one. Up or down by a fifth, so that what failed together does not return together. */
export function secondsBeforeNextTry(attempts: number, random = Math.random): number {
  const seconds = Math.min(mostSeconds, firstSeconds * 2 ** (attempts - 1))
  return seconds * (0.8 + 0.4 * random())
}
