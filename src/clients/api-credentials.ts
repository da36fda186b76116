/** The credentials of an API: with them it reads the revocation feed and introspects tokens issued for it. */
import { randomBytes } from 'node:crypto'
import { withFreshSecret } from './client-secret.ts'
import type { NewClient } from './client-store.ts'
import { newClient } from './new-client.ts'

/** The scope of the revocation feed. */
export const revocationScope = 'revocation.read'

/** Makes a service client bound to the API. `secret` is the only copy and is not stored. */
export function newApiCredentials(audience: string): { client: NewClient; secret: string } {
  const named = newClient({
    id: `api_${randomBytes(12).toString('base64url').replace(/[-_]/g, 'x')}`,
    preset: 'service',
    name: `Credentials of ${audience}`.slice(0, 200),
    servesApi: audience,
  })
  const { client, secret } = withFreshSecret(named)
  return { client, secret: secret ?? '' }
}
