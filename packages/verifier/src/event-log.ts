/** The log lines of a verifier: failures of the revocation feed with their reasons, and recoveries. */
import type { Clock } from './clock.ts'
import type { FeedState } from './freshness.ts'
import type { VerifierEvent } from './telemetry.ts'
import { BadAnswer } from './web-requests.ts'

export type WriteLine = (line: string) => void

/** Minimum time between two lines with the same reason. */
const repeatMs = 60_000

const effects: Record<FeedState, string> = {
  FRESH: 'Revoked tokens are rejected within a second.',
  STALE: 'Tokens are still checked against the revocations received so far; routes of high sensitivity ask the issuer.',
  BLIND: 'Requests are answered with 503 until the feed is received again.',
  COLD: 'Requests are answered with 503 until the first snapshot is loaded.',
  OFF: 'Revocations are not detected.',
}

const places = {
  feed: 'The revocation feed cannot be followed',
  jwks: 'The key set cannot be fetched',
  introspection: 'The introspection endpoint cannot be reached',
  persist: 'The stored copy of the feed cannot be read or written',
} as const

/** @returns a listener that logs each reason at most once a minute */
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
    // After a recovery, each reason is logged again at once.
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

/** Contains no credentials: a verifier never puts them into a URL. */
function reasonOf(error: unknown): string {
  if (error instanceof BadAnswer && error.status === 401) {
    return `${error.message}: the credentials are wrong. Create new ones with 'claviger apis credentials <audience>'`
  }
  if (error instanceof BadAnswer && error.status === 403) {
    return `${error.message}: the credentials lack the scope revocation.read`
  }
  if (!(error instanceof Error)) return String(error)
  const { cause } = error as { cause?: { code?: unknown; message?: unknown } }
  const beneath = cause?.code ?? cause?.message
  return beneath === undefined ? error.message : `${error.message} (${beneath})`
}
