/** One try to deliver a logout token to one app. */
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

/** The timeout of a try. A slower app is tried again. */
export const tryTimeoutMs = 10_000

export async function deliver(
  delivery: LogoutDelivery,
  { issuer, keys, fetch: ask, now }: DeliverNeeds,
  signal: AbortSignal,
): Promise<TryResult> {
  if (delivery.uri === undefined) return { outcome: 'refused', error: 'The client no longer has a logout URI.' }
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
    // After any error the app may not have the token: retry.
    return { outcome: 'again', error: error instanceof Failure ? error.message : 'The logout token could not be sent.' }
  }
}

/**
 * §2.8: 200 (and 204) mean success. 400 means that the app refused the token or the sign-out failed. Other statuses
 * are retried.
 */
function resultOf(answer: OutboundAnswer): TryResult {
  if (answer.status === 200 || answer.status === 204) return { outcome: 'delivered' }
  const error = `The app answered ${answer.status}${errorCodeIn(answer)}.`
  return { outcome: answer.status === 400 ? 'refused' : 'again', error }
}

/** The `error` of an OAuth error response. */
function errorCodeIn({ body }: OutboundAnswer): string {
  try {
    const { error } = JSON.parse(Buffer.from(body).toString()) as { error?: unknown }
    return typeof error === 'string' ? ` (${plainText(error, 60)})` : ''
  } catch {
    return ''
  }
}
