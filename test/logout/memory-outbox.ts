/** An outbox in memory. `test/storage/signals/logout-outbox.test.ts` tests the one in Postgres. */
import type { LogoutDelivery, LogoutOutbox, Settlement } from '../../src/logout/logout.ts'

export const delivery = (id: string, more: Partial<LogoutDelivery> = {}): LogoutDelivery => ({
  id,
  clientId: 'shop',
  accountId: 'acc_ada',
  sid: `sid-${id}`,
  sessionUid: `uid-${id}`,
  uri: 'https://shop.example/logout',
  alg: 'ES256',
  namesSession: true,
  attempts: 1,
  ...more,
})

export class MemoryOutbox implements LogoutOutbox {
  readonly settled = new Map<string, Settlement>()
  readonly #waiting: LogoutDelivery[]

  constructor(...waiting: LogoutDelivery[]) {
    this.#waiting = waiting
  }

  async take(_leaseSeconds: number, exceptClients: readonly string[]): Promise<LogoutDelivery | undefined> {
    const at = this.#waiting.findIndex(({ clientId }) => !exceptClients.includes(clientId))
    return at < 0 ? undefined : this.#waiting.splice(at, 1)[0]
  }

  async settle(id: string, settlement: Settlement): Promise<void> {
    this.settled.set(id, settlement)
  }
}
