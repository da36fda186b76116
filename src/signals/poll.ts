/** Polling by the receiver (RFC 8936): the receiver acknowledges events and gets those that it has not received. */
import { type Deliverable, deliverables, progress, windowSize } from './delivery.ts'
import { eventNumber, signedToken, type TokenSigner, tokenId } from './security-event-token.ts'
import type { JournalHead } from './signals.ts'
import type { StreamJournal } from './stream-journal.ts'

export interface PollRequest {
  ack: readonly string[]
  setErrs: Readonly<Record<string, { err: string; description: string }>>
  /** Undefined: up to `mostSets`. */
  maxEvents: number | undefined
  returnImmediately: boolean
}

export interface PollAnswer {
  /** Tokens by their `jti`. */
  sets: Record<string, string>
  moreAvailable: boolean
}

export interface PollNeeds {
  issuer: string
  journal: Pick<StreamJournal, 'look' | 'moveOn'>
  signer(): TokenSigner
  head(): JournalHead
  /** Resolves true on a new entry in the journal; false after `waitMs`, on abort, or when this node stops. */
  news(waitMs: number, signal: AbortSignal): Promise<boolean>
}

/** The most events in one response: each costs a signature. */
export const mostSets = 100
export const longestPollMs = 25_000

export async function poll(
  streamId: string,
  request: PollRequest,
  needs: PollNeeds,
  signal: AbortSignal,
): Promise<PollAnswer> {
  await receive(streamId, request, needs)
  let waiting = await waitingEvents(streamId, needs)
  if (waiting.length === 0 && !request.returnImmediately && request.maxEvents !== 0) {
    const until = performance.now() + longestPollMs
    // A new entry may not concern this stream.
    while (waiting.length === 0 && (await needs.news(until - performance.now(), signal))) {
      waiting = await waitingEvents(streamId, needs)
    }
  }
  return answer(waiting, Math.min(request.maxEvents ?? mostSets, mostSets), needs)
}

/** A refused event counts as received: sending it again would not help. */
async function receive(streamId: string, { ack, setErrs }: PollRequest, needs: PollNeeds): Promise<void> {
  const { epoch } = needs.head()
  const refused = Object.entries(setErrs)
  const named = [...ack, ...refused.map(([jti]) => jti)]
  const received = named.flatMap((jti) => eventNumber(jti, epoch) ?? [])
  if (received.length === 0) return
  const [, fault] = refused.at(-1) ?? []
  const error = fault && `${fault.err}: ${fault.description}`.slice(0, 500)
  await needs.journal.moveOn(
    streamId,
    windowSize,
    ({ stream, events }) => progress(stream, events, received, needs.issuer),
    error,
  )
}

/** Skips a window without an event for this stream. */
async function waitingEvents(
  streamId: string,
  needs: PollNeeds,
): Promise<readonly (Deliverable & { audience: string })[]> {
  for (;;) {
    const { stream, events } = await needs.journal.look(streamId, windowSize)
    const waiting = deliverables(stream, events, needs.issuer)
    const isPassed = progress(stream, events, [], needs.issuer).cursor === events.at(-1)?.seq
    if (waiting.length > 0 || events.length < windowSize || !isPassed) {
      return waiting.map((one) => ({ ...one, audience: stream.clientId }))
    }
    await needs.journal.moveOn(streamId, windowSize, (window) =>
      progress(window.stream, window.events, [], needs.issuer),
    )
  }
}

async function answer(
  waiting: readonly (Deliverable & { audience: string })[],
  most: number,
  { issuer, head, signer }: PollNeeds,
): Promise<PollAnswer> {
  const { epoch } = head()
  const given = waiting.slice(0, most)
  const sets = await Promise.all(
    given.map(async ({ event, ssfEvent, audience }) => [
      tokenId({ epoch, seq: event.seq }),
      await signedToken({ event, ssfEvent, issuer, audience, epoch }, signer()),
    ]),
  )
  return { sets: Object.fromEntries(sets), moreAvailable: waiting.length > given.length }
}
