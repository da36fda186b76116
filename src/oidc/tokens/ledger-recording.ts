/**
 * The engine does not store JWT access tokens. When the ledger is on, the commit of the request records each token
 * before the answer is sent.
 */
import type Provider from 'oidc-provider'
import { issuedToken } from '../../revocation/issued-token.ts'
import type { ModelStore } from '../state/model-store.ts'
import { UnitOfWork } from '../state/unit-of-work.ts'

interface Made {
  value: string
  /** The payload that the engine stores; undefined for a JWT. */
  payload?: unknown
}

export function recordIssuedTokens(provider: Provider, models: Pick<ModelStore, 'commit'>): void {
  for (const { prototype } of [provider.AccessToken, provider.ClientCredentials]) {
    const make = (prototype as unknown as { getValueAndPayload(): Promise<Made> }).getValueAndPayload
    async function makeAndRecord(this: unknown): Promise<Made> {
      const made = await make.call(this)
      if (made.payload === undefined) await record(made.value)
      return made
    }
    Object.defineProperty(prototype, 'getValueAndPayload', { value: makeAndRecord })
  }

  async function record(jwt: string): Promise<void> {
    const issued = issuedToken(jwt, provider.issuer)
    const unit = UnitOfWork.current
    if (unit) unit.issue(issued)
    else await models.commit({ upserts: [], consumes: [], destroys: [], revokedGrants: [], issued })
  }
}
