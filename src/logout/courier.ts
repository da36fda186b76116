/**
 * Makes the deliveries that are due, on every node: whoever is free takes the
 * next one. A slow app takes up a few places and no more, so that it holds up
 * itself alone.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { type DeliverNeeds, deliver, tryTimeoutMs } from './deliver.ts'
import type { LogoutDelivery, LogoutOutbox, Settlement, TryResult } from './logout.ts'
import { mostAttempts, secondsBeforeNextTry } from './patience.ts'

interface About {
  clientId: string
  accountId: string
  session: string
  attempts: number
}

export interface CourierNeeds extends DeliverNeeds {
  outbox: LogoutOutbox
  events: {
    logoutDelivered(about: About): void
    logoutFailed(about: About & { error: string }): void
  }
  /** Each try, by how it ended. */
  tried(outcome: TryResult['outcome']): void
  onTrouble(error: unknown): void
  pollMs?: number
}

const placesInAll = 16
const placesForOne = 4
/** Signing and settling have some time of their own. */
const leaseSeconds = (2 * tryTimeoutMs) / 1000 + 10

export interface Courier {
  /** What is under way is cut short and left to other nodes. Harmless when repeated. */
  stop(): Promise<void>
}

export function startCourier(needs: CourierNeeds): Courier {
  const stopping = new AbortController()
  const running = keepDelivering(needs, stopping.signal)
  return {
    async stop() {
      stopping.abort()
      await running
    },
  }
}

async function keepDelivering(needs: CourierNeeds, signal: AbortSignal): Promise<void> {
  const underWay = new Map<Promise<void>, string>()
  while (!signal.aborted) {
    try {
      while (!signal.aborted && underWay.size < placesInAll) {
        const delivery = await needs.outbox.take(leaseSeconds, withoutPlace(underWay))
        if (!delivery) break
        const work: Promise<void> = attempt(delivery, needs, signal)
          .catch(needs.onTrouble)
          .finally(() => underWay.delete(work))
        underWay.set(work, delivery.clientId)
      }
    } catch (error) {
      needs.onTrouble(error)
    }
    await rest(needs.pollMs ?? 1_000, underWay, signal)
  }
  await Promise.all(underWay.keys())
}

/** Apps with as much under way as one may have. */
function withoutPlace(underWay: ReadonlyMap<unknown, string>): string[] {
  const clients = [...underWay.values()]
  return clients.filter((client) => clients.filter((other) => other === client).length >= placesForOne)
}

/** Until it is time to look, or at a full house until there is room. */
async function rest(ms: number, underWay: ReadonlyMap<Promise<void>, string>, signal: AbortSignal): Promise<void> {
  const woken = new AbortController()
  const time = pause(ms, undefined, { signal: AbortSignal.any([signal, woken.signal]) }).catch(() => {})
  await Promise.race([time, ...underWay.keys()])
  woken.abort()
}

async function attempt(delivery: LogoutDelivery, needs: CourierNeeds, signal: AbortSignal): Promise<void> {
  const result = await deliver(delivery, needs, signal)
  const settlement = settlementOf(result, delivery, signal.aborted)
  await needs.outbox.settle(delivery.id, settlement)
  if (settlement.outcome !== 'again' || settlement.counts) needs.tried(result.outcome)
  const { clientId, accountId, sessionUid: session, attempts } = delivery
  if (settlement.outcome === 'delivered') needs.events.logoutDelivered({ clientId, accountId, session, attempts })
  if (settlement.outcome === 'failed') {
    needs.events.logoutFailed({ clientId, accountId, session, attempts, error: settlement.error })
  }
}

function settlementOf(result: TryResult, { attempts }: LogoutDelivery, isCutShort: boolean): Settlement {
  if (result.outcome === 'delivered') return result
  if (result.outcome === 'again' && isCutShort) return { ...result, afterSeconds: 0, counts: false }
  if (result.outcome === 'again' && attempts < mostAttempts)
    return { ...result, afterSeconds: secondsBeforeNextTry(attempts), counts: true }
  return { outcome: 'failed', error: result.error }
}
