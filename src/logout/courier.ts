/**
 * Sends the due deliveries, on every node: each free place takes the next one. A slow app uses only a few places, so
 * it delays no other app.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { type DeliverNeeds, deliver, tryTimeoutMs } from './deliver.ts'
import type { LogoutDelivery, LogoutOutbox, Settlement, TryResult } from './logout.ts'

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
  /** Called for each try with its result. */
  tried(outcome: TryResult['outcome']): void
  onTrouble(error: unknown): void
  pollMs?: number
}

const placesInAll = 16
const placesForOne = 4
/** Twice the timeout of a try, with some time for signing and settling. */
const leaseSeconds = (2 * tryTimeoutMs) / 1000 + 10

/**
 * The number of tries for an app that does not answer: seconds apart at first, an hour apart at the end, about seven
 * hours in total.
 */
export const mostAttempts = 15
const firstSeconds = 5
const mostSeconds = 3_600

export interface Courier {
  /** Aborts running deliveries, which other nodes then take. May be called repeatedly. */
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
    await waitForNext(needs.pollMs ?? 1_000, underWay, signal)
  }
  await Promise.all(underWay.keys())
}

/** Apps with the most deliveries allowed at once. */
function withoutPlace(underWay: ReadonlyMap<unknown, string>): string[] {
  const clients = [...underWay.values()]
  return clients.filter((client) => clients.filter((other) => other === client).length >= placesForOne)
}

/** Waits until the next poll is due or a delivery has ended. */
async function waitForNext(
  ms: number,
  underWay: ReadonlyMap<Promise<void>, string>,
  signal: AbortSignal,
): Promise<void> {
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

/**
 * Varies by up to a fifth, so that deliveries that failed together are not retried together.
 * @param attempts tries so far, at least one
 */
export function secondsBeforeNextTry(attempts: number, random = Math.random): number {
  const seconds = Math.min(mostSeconds, firstSeconds * 2 ** (attempts - 1))
  return seconds * (0.8 + 0.4 * random())
}
