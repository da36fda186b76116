/** By when what was revoked is refused, and where: the promise that a command may make. */

/** After this every access token that was out has expired, so that even services that only check signatures refuse it. */
export const voidBy = (now: Date, seconds: number): Date => new Date(now.getTime() + seconds * 1000)

export function boundText(until: Date, now: Date): string {
  const day = until.toISOString().slice(0, 10)
  const time = until.toISOString().slice(11, 19)
  const at = day === now.toISOString().slice(0, 10) ? `${time} UTC` : `${day} ${time} UTC`
  return `Void at every connected verifier within 1 s; at plain JWKS verifiers by ${at}.`
}
