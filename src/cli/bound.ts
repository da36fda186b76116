/** When verifiers reject what was revoked: a command states this bound once every running node has confirmed the revocation. */
import type { Config } from '../config/config.ts'
import type { NodesHeard } from './desk.ts'
import { counted } from './moment.ts'

/** When every access token issued so far has expired, so that services that only check signatures reject it too. */
export const lastExpiry = (now: Date, seconds: number): Date => new Date(now.getTime() + seconds * 1000)

/** A verifier of the status list keeps its copy for ten seconds; two more allow for caches and for reading the log. */
const statusListSeconds = 12

export const isConfirmed = ({ confirmed, silent }: NodesHeard): boolean => confirmed > 0 && silent.length === 0

/** The bound as a sentence. Without confirmation by every running node it states no bound. */
export function boundText(
  until: Date,
  now: Date,
  { tokenLedger }: Pick<Config, 'tokenLedger'>,
  heard: NodesHeard,
): string {
  const day = until.toISOString().slice(0, 10)
  const time = until.toISOString().slice(11, 19)
  const at = day === now.toISOString().slice(0, 10) ? `${time} UTC` : `${day} ${time} UTC`
  if (!isConfirmed(heard)) {
    return `${unconfirmedText(heard)} Tokens issued before now expire by ${at}; a node on another database server can issue new ones.`
  }
  const lists = tokenLedger === 'on' ? `by readers of status lists within ${statusListSeconds} seconds; ` : ''
  return `Rejected by connected verifiers within 1 second; ${lists}by plain JWKS verifiers no later than ${at}.`
}

/** For `--json`: `void_by` is null without confirmation. */
export const boundJson = (until: Date, heard: NodesHeard) => ({
  void_by: isConfirmed(heard) ? until : null,
  ...heardJson(heard),
})

export const heardJson = ({ confirmed, silent }: NodesHeard) => ({
  confirmed_by: confirmed,
  unconfirmed: silent.map(({ name }) => name),
})

/** Which nodes did not confirm the revocation, what follows, and what to do. */
export function unconfirmedText({ confirmed, silent }: NodesHeard): string {
  const seen = silent.map(({ name, silentSeconds }) => `${name} (last seen ${Math.round(silentSeconds)} s ago)`)
  const what =
    silent.length > 0
      ? `${silent.length} of ${counted(confirmed + silent.length, 'node')} did not confirm it: ${seen.join(', ')}.`
      : 'No running node confirmed it, and no node was seen at this database in the last 10 minutes.'
  return `The revocation is stored, but not confirmed. ${what} Verifiers that follow an unconfirmed node may still accept revoked tokens. Run \`claviger doctor\`.`
}
