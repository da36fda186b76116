/** A device that polls faster than the interval is told `slow_down` (RFC 8628 §3.5), whichever node it asks. */
import Provider, { errors } from 'oidc-provider'
import type { ModelStore } from './model-store.ts'
import { UnitOfWork } from './unit-of-work.ts'

/** The interval that RFC 8628 §3.2 has where none is named, less a second in which a request may overtake another. */
const shortestPauseSeconds = 4

type DeviceCode = InstanceType<Provider['DeviceCode']>
type Find = (this: unknown, value: string, ...rest: unknown[]) => Promise<DeviceCode | undefined>

/** Only polls for an undecided code are slowed down: once the person has answered, the device learns it at once. */
export function slowDownPolling(provider: Provider, models: Pick<ModelStore, 'rememberFor'>): void {
  const findCode = provider.DeviceCode.find as unknown as Find
  async function find(this: unknown, value: string, ...rest: unknown[]) {
    const code = await findCode.call(provider.DeviceCode, value, ...rest)
    if (code && isUndecided(code)) {
      const isFirst = await UnitOfWork.asking(() => models.rememberFor(`device poll\n${value}`, shortestPauseSeconds))
      if (!isFirst) throw new errors.SlowDown()
    }
    return code
  }
  Object.defineProperty(provider.DeviceCode, 'find', { value: find })
}

/** A poll by the client that the code was issued to; another client must not be able to slow it down. */
function isUndecided(code: DeviceCode): boolean {
  const oidc = Provider.ctx?.oidc
  return (
    oidc?.route === 'token' &&
    oidc.client?.clientId === code.clientId &&
    !code.isExpired &&
    code.accountId === undefined &&
    code.error === undefined
  )
}
