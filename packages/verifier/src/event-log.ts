/** The lines that a verifier logs by itself: why it cannot follow the revocation feed, and when it can again. */
import type { Clock } from './clock.ts'
import type { FeedState } from './freshness.ts'
import type { VerifierEvent } from './telemetry.ts'
import { BadAnswer } from './web-requests.ts'

export type WriteLine = (line: string) => void

/** The same reason is logged again after so long. */
const repeatMs = 60_000

const effects: Record<FeedState, string> = {
  FRESH: 'Revoked tokens are refused within a second.',
  STALE: 'Tokens are still accepted by what is known; routes of high sensitivity ask the issuer.',
  BLIND: 'Requests are answered with 503 until the feed is heard again.',
  COLD: 'Requests are answered with 503 until the first snapshot is loaded.',
  OFF: 'Revocations are not noticed.',
}

const places = {
  feed: 'The revocation feed cannot be followed',
  jwks: 'The key set cannot be fetched',
  introspection: 'The introspection endpoint cannot be asked',
  persist: 'The kept copy of the feed cannot be read or written',
} as const

/** @returns a listener that logs each reason once a minute at most */
export function eventLog(issuer: string, clock: Clock, write: WriteLine): (event: VerifierEvent) => void {
  const loggedAt = new Map<string, number>()
  const log = (sentence: string) => {
    const now = clock.monotonicMs()
    if (now - (loggedAt.get(sentence) ?? Number.NEGATIVE_INFINITY) < repeatMs) return
    if (loggedAt.size >= 100) loggedAt.clear()
    loggedAt.set(sentence, now)
    write(`[claviger] ${issuer}: ${sentence}`)
  }
  return (event) => {
    const sentence = sentenceOf(event)
    if (sentence !== undefined) log(sentence)
    // What fails after a recovery is news again.
    if (event.type === 'state' && event.to === 'FRESH') loggedAt.clear()
  }
}

function sentenceOf(event: VerifierEvent): string | undefined {
  switch (event.type) {
    case 'failure':
      return `${places[event.what]}: ${reasonOf(event.error)}.`
    case 'state':
      return `The revocation feed is ${event.to}. ${effects[event.to]}`
    case 'frame-refused':
      return `A frame of the revocation feed was dropped: ${event.reason}. Check the pinned feed keys.`
    case 'untimely':
      return `Frames of the revocation feed were signed ${event.signedSecondsAgo} s ago by this clock. Check this clock and the issuer's.`
    case 'overflow':
      return `The revocation feed has ${event.entries} entries, more than maxEntries. Raise maxEntries.`
    default:
      return undefined
  }
}

/** Without addresses' credentials: a verifier puts none into a URL. */
function reasonOf(error: unknown): string {
  if (error instanceof BadAnswer && error.status === 401) {
    return `${error.message}: the credentials are wrong. Make new ones with 'claviger apis credentials <audience>'`
  }
  if (error instanceof BadAnswer && error.status === 403) {
    return `${error.message}: the credentials lack the scope revocation.read`
  }
  if (!(error instanceof Error)) return String(error)
  const { cause } = error as { cause?: { code?: unknown; message?: unknown } }
  const beneath = cause?.code ?? cause?.message
  return beneath === undefined ? error.message : `${error.message} (${beneath})`
}
