/** One try to tell one app. */
import { Failure } from '../errors/failure.ts'
import { plainText } from '../events/plain-text.ts'
import type { KeySet } from '../keyring/live/key-set.ts'
import type { OutboundAnswer } from '../outbound/exchange.ts'
import type { GuardedFetch } from '../outbound/outbound.ts'
import type { LogoutDelivery, TryResult } from './logout.ts'
import { newLogoutToken } from './logout-token.ts'

export interface DeliverNeeds {
  issuer: string
  keys(): Pick<KeySet, 'signers'>
  fetch: GuardedFetch
  now(): Date
}

/** An app that takes longer is tried again. */
export const tryTimeoutMs = 10_000

export async function deliver(
  delivery: LogoutDelivery,
  { issuer, keys, fetch: ask, now }: DeliverNeeds,
  signal: AbortSignal,
): Promise<TryResult> {
  if (delivery.uri === undefined) return { outcome: 'refused', error: 'The client has no logout URI any more.' }
  try {
    const token = await newLogoutToken(delivery, { issuer, keys: keys(), now: now() })
    const answer = await ask(delivery.uri, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ logout_token: token }).toString(),
      timeoutMs: tryTimeoutMs,
      maxBytes: 16_384,
      signal,
    })
    return resultOf(answer)
  } catch (error) {
    // Whatever it is, the app has not been told.
    return { outcome: 'again', error: error instanceof Failure ? error.message : 'The logout token could not be sent.' }
  }
}

/** §2.8: 200 when it is done (204 counts, too), 400 when the token is refused or the sign-out failed. The rest may pass. */
function resultOf(answer: OutboundAnswer): TryResult {
  if (answer.status === 200 || answer.status === 204) return { outcome: 'delivered' }
  const error = `The app answered ${answer.status}${saidBy(answer)}.`
  return { outcome: answer.status === 400 ? 'refused' : 'again', error }
}

/** The `error` of an OAuth error answer. */
function saidBy({ body }: OutboundAnswer): string {
  try {
    const { error } = JSON.parse(Buffer.from(body).toString()) as { error?: unknown }
    return typeof error === 'string' ? ` (${plainText(error, 60)})` : ''
  } catch {
    return ''
  }
}
