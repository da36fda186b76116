/** Pushing to the receiver (RFC 8935): one event a request, in order, each retried until it arrives. */
import type { GuardedFetch } from '../outbound/outbound.ts'
import { type Deliverable, deliverables, progress, windowSize } from './delivery.ts'
import { signedToken, type TokenSigner } from './security-event-token.ts'
import type { Delivery, EventStream, JournalHead } from './signals.ts'
import type { PushOutcome, StreamJournal, StreamWindow } from './stream-journal.ts'

export interface PushNeeds {
  issuer: string
  journal: Pick<StreamJournal, 'look' | 'lease' | 'settle' | 'halt'>
  signer(): TokenSigner
  head(): JournalHead
  fetch: GuardedFetch
  now(): Date
  random(): number
  signal: AbortSignal
}

/** Another node may take over after this time. A turn ends earlier: its last request may begin just before its end. */
const leaseSeconds = 15
const turnMs = 5_000
const requestMs = 8_000
const longestTurn = 50
const longestAnswer = 16 * 1024
const longestPauseSeconds = 300
/** The stream of a receiver that accepts nothing for this long is paused. */
export const pauseAfterSeconds = 86_400

/**
 * nothing: nothing to push until a change. not-now: another node pushes, or the next try is not due. pushed: more
 * events may follow.
 */
export type Turn = 'nothing' | 'not-now' | 'pushed'

export async function pushTurn(streamId: string, needs: PushNeeds): Promise<Turn> {
  const { stream, events } = await needs.journal.look(streamId, windowSize)
  const move = (window: StreamWindow, received: readonly number[] = []) =>
    progress(window.stream, window.events, received, needs.issuer)
  const waiting = deliverables(stream, events, needs.issuer)
  const isPassed = events.length === windowSize && move({ stream, events }).cursor === events.at(-1)?.seq
  if (waiting.length === 0 && !isPassed) return 'nothing'
  const leased = await needs.journal.lease(streamId, leaseSeconds)
  if (leased?.delivery.method !== 'push') return 'not-now'
  // Before this node took the lease, another node may have pushed some of them, or the stream may have been paused.
  const left = deliverables(leased, events, needs.issuer).filter(({ event }) => event.seq > leased.cursor)
  const outcome = await pushAll(leased.delivery, leased, left, needs)
  await needs.journal.settle(streamId, windowSize, outcome, retrySeconds(leased.failures, needs.random()), (window) =>
    move(window, outcome.received),
  )
  await pauseIfUnreachable(leased, outcome, needs)
  return 'pushed'
}

/**
 * Doubles up to five minutes and varies by a quarter, so that receivers that failed together are not retried together.
 */
const retrySeconds = (failures: number, random: number): number =>
  Math.min(longestPauseSeconds, 2 ** Math.min(failures, 10)) * (0.75 + random * 0.5)

async function pauseIfUnreachable(
  { id, status, failingSince }: EventStream,
  { failure }: PushOutcome,
  { journal, now }: PushNeeds,
): Promise<void> {
  const isOver =
    failure !== undefined &&
    failingSince !== undefined &&
    now().getTime() - failingSince.getTime() > pauseAfterSeconds * 1000
  if (!isOver || status !== 'enabled') return
  const reason = `The receiver has not accepted anything since ${failingSince.toISOString()}: ${failure}`
  await journal.halt(id, 'paused', reason.slice(0, 500), { skip: false })
}

async function pushAll(
  delivery: Extract<Delivery, { method: 'push' }>,
  { clientId }: EventStream,
  waiting: readonly Deliverable[],
  needs: PushNeeds,
): Promise<PushOutcome> {
  const received: number[] = []
  let refusal: string | undefined
  const until = performance.now() + turnMs
  const { epoch } = needs.head()
  for (const { event, ssfEvent } of waiting.slice(0, longestTurn)) {
    if (performance.now() > until || needs.signal.aborted) break
    const token = await signedToken(
      { event, ssfEvent, issuer: needs.issuer, audience: clientId, epoch },
      needs.signer(),
    )
    const answer = await pushOne(delivery, token, needs)
    if (answer.outcome === 'failed') return { received, refusal, failure: answer.why }
    if (answer.outcome === 'refused') refusal = answer.why
    received.push(event.seq)
  }
  return { received, refusal, failure: undefined }
}

type Answer = { outcome: 'received' } | { outcome: 'refused' | 'failed'; why: string }

async function pushOne(
  { endpointUrl, authorization }: Extract<Delivery, { method: 'push' }>,
  token: string,
  needs: Pick<PushNeeds, 'fetch'>,
): Promise<Answer> {
  const headers: Record<string, string> = { 'content-type': 'application/secevent+jwt', accept: 'application/json' }
  if (authorization !== undefined) headers.authorization = authorization
  try {
    const { status, body } = await needs.fetch(endpointUrl, {
      method: 'POST',
      headers,
      body: token,
      timeoutMs: requestMs,
      maxBytes: longestAnswer,
    })
    // RFC 8935 §2.2 requires 202; 200 and 204 are accepted too.
    if (status >= 200 && status < 300) return { outcome: 'received' }
    const fault = status === 400 ? faultOf(Buffer.from(body).toString('utf8')) : undefined
    if (fault && ofThisEvent.has(fault.err)) return { outcome: 'refused', why: `${fault.err}: ${fault.description}` }
    return { outcome: 'failed', why: fault ? `${fault.err}: ${fault.description}` : `it answers ${status}` }
  } catch (error) {
    return { outcome: 'failed', why: error instanceof Error ? error.message.slice(0, 300) : 'it does not answer' }
  }
}

/**
 * Errors of RFC 8935 §2.4 and SSF 1.0 about one event. The others are about keys, audience or credentials, and can be
 * mended.
 */
const ofThisEvent = new Set(['invalid_request', 'invalid_state'])

function faultOf(text: string): { err: string; description: string } | undefined {
  try {
    const { err, description = '' } = JSON.parse(text) as { err?: unknown; description?: unknown }
    return typeof err === 'string'
      ? { err: err.slice(0, 60), description: String(description).slice(0, 300) }
      : undefined
  } catch {
    return undefined // a response without an error code
  }
}
