/** Every flow by its name on the command line. */
import { clientCredentials } from './client-credentials.ts'
import { discovery, jwks } from './documents.ts'
import type { Flow } from './flow.ts'
import { password, refresh, refreshBound, session, sessionBound } from './person-flows.ts'

export const flows = {
  jwks,
  discovery,
  'client-credentials': clientCredentials,
  refresh,
  session,
  'refresh-bound': refreshBound,
  'session-bound': sessionBound,
  password,
} satisfies Record<string, Flow>

export type FlowName = keyof typeof flows
export const flowNames = Object.keys(flows) as FlowName[]

export const flowTitles: Record<FlowName, string> = {
  jwks: 'JWKS',
  discovery: 'discovery',
  'client-credentials': 'client credentials, ES256 JWT',
  refresh: 'refresh with rotation',
  session: 'code + PKCE, live session',
  'refresh-bound': 'refresh, bound to the session',
  'session-bound': 'code + PKCE, bound to the session',
  password: 'code + PKCE, password',
}
