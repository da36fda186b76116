/** Collects what a consent page shows besides the requested scopes and claims. */
import type Provider from 'oidc-provider'
import type { Api } from '../../clients/client.ts'
import { consentLasts } from '../../consent/consent.ts'
import type { ClientDirectory } from '../client-directory.ts'
import { recordOf } from '../engine/engine-clients.ts'
import type { Interaction } from './interactions.ts'

type EngineInteraction = InstanceType<Provider['Interaction']> & { deviceCode?: string }
type Details = Pick<Interaction, 'apis' | 'device' | 'isRemembered'>

export async function consentDetails(
  { deviceCode }: EngineInteraction,
  missing: Interaction['missing'],
  client: unknown,
  { provider, directory }: { provider: Provider; directory: Pick<ClientDirectory, 'findApi'> },
): Promise<Details> {
  const apis = await Promise.all(Object.keys(missing.apis).map((audience) => directory.findApi(audience)))
  return {
    apis: Object.fromEntries(
      apis.filter((api): api is Api => api !== undefined).map((api) => [api.audience, textsOf(api)]),
    ),
    device: deviceCode === undefined ? undefined : { userCode: await userCodeOf(deviceCode, provider) },
    isRemembered: deviceCode === undefined && consentLasts(recordOf(client)) === 'until-withdrawn',
  }
}

const textsOf = ({ name, scopeTexts }: Api) => ({ name, scopeTexts })

/** The user code as the device shows it. */
async function userCodeOf(deviceCode: string, provider: Provider): Promise<string | undefined> {
  const code = await provider.DeviceCode.find(deviceCode, { ignoreExpiration: true })
  const userCode = (code as { userCode?: string } | undefined)?.userCode
  return userCode?.replace(/^(.{4})(.+)$/, '$1-$2')
}
