/** Who the yardsticks know: what their server registers and what the load generator presents. */
import type { AppClient, ServiceClient } from '../target.ts'

export interface YardstickClients {
  app: AppClient
  boundApp: AppClient
  service: ServiceClient
  api: { audience: string; scope: string }
}

const api = { audience: 'https://api.bench.example', scope: 'things:read' }
const redirectUri = 'http://localhost:65000/callback'

export const yardstickPassword = 'correct horse battery staple'

export const yardstickClients: YardstickClients = {
  app: { clientId: 'bench-app', redirectUri, scope: `openid offline_access ${api.scope}` },
  boundApp: { clientId: 'bench-bound-app', redirectUri, scope: `openid ${api.scope}` },
  service: { clientId: 'bench-service', clientSecret: 'a-secret-for-the-benchmark-only', scope: api.scope },
  api,
}
