/** A device that polls faster than the interval gets `slow_down` (RFC 8628 §3.5), whichever node it asks. */
import Provider, { errors } from 'oidc-provider'
import type { ModelStore } from '../state/model-store.ts'
import { UnitOfWork } from '../state/unit-of-work.ts'

/** RFC 8628 §3.2 has a default interval of 5 s. One second less allows for a request that overtakes another. */
const shortestPauseSeconds = 4

type DeviceCode = InstanceType<Provider['DeviceCode']>
type Find = (this: unknown, value: string, ...rest: unknown[]) => Promise<DeviceCode | undefined>

/**
 * Slows down only polls for an undecided code. After the person has answered, the next poll gets the answer at once.
 */
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

/**
 * Does the client of the code poll, and is the code undecided? Another client must not be able to slow the device down.
 */
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
