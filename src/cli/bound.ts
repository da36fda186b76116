/** By when what was revoked is refused, and where: the promise that a command makes once every running node has confirmed. */
import type { Config } from '../config/config.ts'
import type { NodesHeard } from './desk.ts'
import { counted } from './moment.ts'

/** After this every access token that was out has expired, so that even services that only check signatures refuse it. */
export const voidBy = (now: Date, seconds: number): Date => new Date(now.getTime() + seconds * 1000)

/** A verifier of the status list keeps its copy for ten seconds; the rest is for caches and our own look at the log. */
const statusListSeconds = 12

export const isConfirmed = ({ confirmed, silent }: NodesHeard): boolean => confirmed > 0 && silent.length === 0

/** With the ledger on, tokens have a place in a status list too. Promises nothing that running nodes have not confirmed. */
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
  const lists = tokenLedger === 'on' ? `at readers of status lists within ${statusListSeconds} s; ` : ''
  return `Void at every connected verifier within 1 s; ${lists}at plain JWKS verifiers by ${at}.`
}

/** For `--json`: without the date where nothing is promised. */
export const boundJson = (until: Date, heard: NodesHeard) => ({
  void_by: isConfirmed(heard) ? until : null,
  ...heardJson(heard),
})

export const heardJson = ({ confirmed, silent }: NodesHeard) => ({
  confirmed_by: confirmed,
  unconfirmed: silent.map(({ name }) => name),
})

/** What was seen instead, and what to do. */
export function unconfirmedText({ confirmed, silent }: NodesHeard): string {
  const seen = silent.map(({ name, silentSeconds }) => `${name} (last seen ${Math.round(silentSeconds)} s ago)`)
  const what =
    silent.length > 0
      ? `${silent.length} of ${counted(confirmed + silent.length, 'node')} did not confirm it: ${seen.join(', ')}.`
      : 'No running node confirmed it, and none was seen at this database within 10 minutes.'
  return `Stored, but nothing is promised. ${what} Verifiers that follow such a node may accept what was revoked: run \`claviger doctor\`.`
}
