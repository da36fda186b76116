/** By when what was revoked is refused, and where: the promise that a command may make. */
import type { Config } from '../config/config.ts'

/** After this every access token that was out has expired, so that even services that only check signatures refuse it. */
export const voidBy = (now: Date, seconds: number): Date => new Date(now.getTime() + seconds * 1000)

/** A verifier of the status list keeps its copy for ten seconds; the rest is for caches and our own look at the log. */
const statusListSeconds = 12

/** With the ledger on, tokens have a place in a status list too. */
export function boundText(until: Date, now: Date, { tokenLedger }: Pick<Config, 'tokenLedger'>): string {
  const day = until.toISOString().slice(0, 10)
  const time = until.toISOString().slice(11, 19)
  const at = day === now.toISOString().slice(0, 10) ? `${time} UTC` : `${day} ${time} UTC`
  const lists = tokenLedger === 'on' ? `at readers of status lists within ${statusListSeconds} s; ` : ''
  return `Void at every connected verifier within 1 s; ${lists}at plain JWKS verifiers by ${at}.`
}
