/** `--add-…` and `--remove-…` over the lists of a client. */
import type { Client } from '../../clients/client.ts'
import type { ClientChanges } from '../../clients/new-client.ts'
import { Failure } from '../../errors/failure.ts'
import { quoted } from '../../events/plain-text.ts'

const lists = {
  redirectUris: ['redirectUri', 'addRedirectUri', 'removeRedirectUri', 'redirect URI'],
  postLogoutRedirectUris: [
    'postLogoutRedirectUri',
    'addPostLogoutRedirectUri',
    'removePostLogoutRedirectUri',
    'post-logout redirect URI',
  ],
  origins: ['origin', 'addOrigin', 'removeOrigin', 'origin'],
  apis: ['api', 'addApi', 'removeApi', 'API'],
  rights: ['right', 'addRight', 'removeRight', 'right'],
} as const

type OptionName = (typeof lists)[keyof typeof lists][0 | 1 | 2]
export type ListOptions = Partial<Record<OptionName, string[]>>

/** @throws Failure `list_entry_missing` when an entry to remove is missing. */
export function changedLists(client: Client, options: ListOptions): ClientChanges {
  const changes: Partial<Record<keyof typeof lists, string[]>> = {}
  for (const [field, [whole, add, remove, what]] of Object.entries(lists) as [
    keyof typeof lists,
    readonly [OptionName, OptionName, OptionName, string],
  ][]) {
    const adding = options[add] ?? []
    const removing = options[remove] ?? []
    if (adding.length + removing.length === 0) continue
    const base: readonly string[] = options[whole] ?? client[field] ?? []
    const stranger = removing.find((value) => !base.includes(value))
    if (stranger !== undefined) {
      throw new Failure('list_entry_missing', 'invalid', `${client.id} has no ${what} ${quoted(stranger)}.`, {
        detail: { hints: base.map((value) => `it has ${value}`) },
      })
    }
    const kept = base.filter((value) => !removing.includes(value))
    // Adding an existing entry has no effect.
    changes[field] = [...kept, ...adding.filter((value) => !kept.includes(value))]
  }
  return changes as ClientChanges
}
