/** The options by which commands choose entries of the audit log. */
import type { Command } from 'commander'
import { Failure } from '../../errors/failure.ts'
import { nearestWord } from '../../errors/nearest-word.ts'
import { type EventKind, eventKinds, isEventKind } from '../../events/event-kinds.ts'
import type { EventFilter } from '../../events/events.ts'
import { quoted } from '../../events/plain-text.ts'
import type { Desk } from '../desk.ts'
import { wrongUsage } from '../usage.ts'

export interface FilterOptions {
  user?: string
  client?: string
  kind?: string
}

export const withFilter = (command: Command): Command =>
  command
    .option('--user <person>', 'only entries about this person, also a removed one: email address or account id')
    .option('--client <client_id>', 'only entries about this client, also a removed one')
    .option('--kind <kind>', 'only entries of this kind, such as sign-in.rejected')

/** @throws Failure `event_kind_unknown`; `account_missing` or `client_missing` if no entry can be about it. */
export async function filterOf(desk: Pick<Desk, 'names'>, { user, client, kind }: FilterOptions): Promise<EventFilter> {
  return {
    ...(kind === undefined ? {} : { kind: knownKind(kind) }),
    ...(user === undefined ? {} : { accountIds: await accountsOf(desk, user) }),
    ...(client === undefined ? {} : { clientId: client }),
  }
}

export function knownKind(kind: string): EventKind {
  if (isEventKind(kind)) return kind
  const nearest = nearestWord(kind, Object.keys(eventKinds))
  const hints = [...(nearest ? [`did you mean ${nearest}?`] : []), ...kindsByNoun()]
  throw wrongUsage('event_kind_unknown', `There is no kind of event ${quoted(kind)}.`, hints)
}

/** One line for each noun: `sign-in.succeeded, sign-in.rejected`. */
function kindsByNoun(): string[] {
  const byNoun = Map.groupBy(Object.keys(eventKinds), (kind) => kind.split('.')[0])
  return [...byNoun.values()].map((kinds) => `known: ${kinds.join(', ')}`)
}

async function accountsOf({ names }: Pick<Desk, 'names'>, user: string): Promise<string[]> {
  const ids = await names.accountsCalled(user)
  if (ids.length > 0) return ids
  throw new Failure(
    'account_missing',
    'missing',
    `There is no person ${quoted(user)}, and the audit log knows of none that was removed.`,
  )
}
