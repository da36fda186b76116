/** Fetching by the receiver (RFC 8936): it names what it has received, and is given what it has not. */
import { type Deliverable, deliverables, progress, windowSize } from './delivery.ts'
import { eventNumber, signedToken, type TokenSigner, tokenId } from './security-event-token.ts'
import type { JournalHead } from './signals.ts'
import type { StreamJournal } from './stream-journal.ts'

export interface PollRequest {
  ack: readonly string[]
  setErrs: Readonly<Record<string, { err: string; description: string }>>
  /** Undefined: as many as we like. */
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
  /** True when something new is in the journal; false when the time is up, the asker has gone, or this node stops. */
  news(waitMs: number, signal: AbortSignal): Promise<boolean>
}

/** Each costs a signature. */
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
    // News need not concern this stream.
    while (waiting.length === 0 && (await needs.news(until - performance.now(), signal))) {
      waiting = await waitingEvents(streamId, needs)
    }
  }
  return answer(waiting, Math.min(request.maxEvents ?? mostSets, mostSets), needs)
}

/** What the receiver refuses counts as received: sending it again would not mend it. */
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

/** A window that holds nothing for this stream is passed over. */
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
    given.map(async ({ event, told, audience }) => [
      tokenId({ epoch, seq: event.seq }),
      await signedToken({ event, told, issuer, audience, epoch }, signer()),
    ]),
  )
  return { sets: Object.fromEntries(sets), moreAvailable: waiting.length > given.length }
}
