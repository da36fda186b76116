/** Remembers the app of an ended sign-in for a day, so that an expired page can link back to the app. */

import type { OidcNeeds } from '../oidc-needs.ts'
import { describeClient } from './interaction-client.ts'
import type { InteractionLookup } from './interactions.ts'

type Gone = Extract<InteractionLookup, { state: 'gone' }>

export async function gone(needs: Pick<OidcNeeds, 'models' | 'directory'>, uid: string): Promise<Gone> {
  const trail = await needs.models.find('InteractionTrail', uid, 0)
  const { clientId, uiLocales } = trail?.model.payload ?? {}
  const record = typeof clientId === 'string' ? await needs.directory.find(clientId) : undefined
  const locales = typeof uiLocales === 'string' ? uiLocales : undefined
  return { state: 'gone', client: record && describeClient(record), ...(locales ? { uiLocales: locales } : {}) }
}
