/** Validates the requests of receivers: bodies may contain anything. */
import { z } from 'zod'
import { parseUri, webUriFault } from '../clients/uri-faults.ts'
import { Failure } from '../errors/failure.ts'
import { isPlainText } from '../events/plain-text.ts'
import type { PollRequest } from './poll.ts'
import type { Delivery, EventStream, StreamSettings, StreamStatus } from './signals.ts'

export const deliveryMethods = { push: 'urn:ietf:rfc:8935', poll: 'urn:ietf:rfc:8936' } as const

const text = (longest: number) =>
  z
    .string({ error: 'must be text' })
    .max(longest, { error: `is longer than ${longest} characters` })
    .refine(isPlainText, { error: 'holds control characters' })

const endpoint = z.string({ error: 'must be the URL to push to' }).check((candidate) => {
  const parsed = parseUri(candidate.value)
  const fault = 'fault' in parsed ? parsed.fault : webUriFault(parsed)
  if (fault !== undefined)
    candidate.issues.push({ code: 'custom', message: `is refused: ${fault}`, input: candidate.value })
})

/** Sent unchanged in a header (RFC 9110 §5.5). */
const headerValue = z
  .string({ error: 'must be text' })
  .max(4096, { error: 'is longer than 4096 characters' })
  .regex(/^(?:[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)?$/, { error: 'may hold printable ASCII characters only' })

const delivery = z.discriminatedUnion(
  'method',
  [
    z.object({ method: z.literal(deliveryMethods.poll) }),
    z.object({
      method: z.literal(deliveryMethods.push),
      endpoint_url: endpoint,
      authorization_header: headerValue.nullish(),
    }),
  ],
  { error: `must be an object with a method, ${deliveryMethods.push} or ${deliveryMethods.poll}` },
)

const settings = {
  delivery: delivery.optional(),
  events_requested: z
    .array(z.string({ error: 'must be text' }).max(500, { error: 'is longer than 500 characters' }), {
      error: 'must be a list of event type URIs',
    })
    .max(100, { error: 'has more than 100 entries' })
    .optional(),
  description: text(1000).nullish(),
}

const anObject = { error: 'must be a JSON object' }
const streamId = text(64)
const creation = z.object(settings, anObject)
const change = z.looseObject({ stream_id: streamId, ...settings }, anObject)
const status = z.object(
  {
    stream_id: streamId,
    status: z.enum(['enabled', 'paused', 'disabled'], { error: 'must be enabled, paused or disabled' }),
    reason: text(500).nullish(),
  },
  anObject,
)
const verification = z.object({ stream_id: streamId, state: text(1024).nullish() }, anObject)
const pollRequest = z.object(
  {
    ack: z
      .array(text(200), { error: 'must be a list of jti values' })
      .max(10_000, { error: 'is too long' })
      .default([]),
    setErrs: z
      .record(
        text(200),
        z.object({ err: text(100), description: text(1000).default('') }, { error: 'must be an object with err' }),
        { error: 'must be an object' },
      )
      .default({}),
    maxEvents: z.int({ error: 'must be a whole number' }).min(0, { error: 'must not be negative' }).optional(),
    returnImmediately: z.boolean({ error: 'must be true or false' }).default(false),
  },
  anObject,
)

export function readCreation(body: unknown): StreamSettings {
  return settingsOf(checked(creation, body), undefined)
}

export type ChangeRequest = z.infer<typeof change>

/** Validates a change, which names its stream; `changedSettings` applies it. */
export const readChange = (body: unknown): ChangeRequest => checked(change, body)

/**
 * @param keep settings that are missing from the request stay (PATCH); otherwise they are removed (PUT)
 * @param configuration the stream's configuration: read-only members in the request must be equal (SSF 1.0 §8.1.1.3)
 */
export function changedSettings(
  request: ChangeRequest,
  stream: EventStream,
  { keep, configuration }: { keep: boolean; configuration: Readonly<Record<string, unknown>> },
): StreamSettings {
  const readOnly = Object.keys(configuration).filter(
    (member) => !(member in settings) && member in request && !isSame(request[member], configuration[member]),
  )
  if (readOnly.length > 0)
    throw invalid([`${readOnly.join(', ')}: read-only, and different from the stream's configuration`])
  const given = settingsOf(request, stream)
  if (!keep) return given
  return {
    delivery: request.delivery === undefined ? stream.delivery : given.delivery,
    eventsRequested: request.events_requested === undefined ? stream.eventsRequested : given.eventsRequested,
    description: request.description === undefined ? stream.description : given.description,
  }
}

export function readStatus(body: unknown): { streamId: string; status: StreamStatus; reason: string | undefined } {
  const read = checked(status, body)
  return { streamId: read.stream_id, status: read.status, reason: read.reason ?? undefined }
}

export function readVerification(body: unknown): { streamId: string; state: string | undefined } {
  const read = checked(verification, body)
  return { streamId: read.stream_id, state: read.state ?? undefined }
}

export function readPoll(body: unknown): PollRequest {
  const read = checked(pollRequest, body)
  return { ack: read.ack, setErrs: read.setErrs, maxEvents: read.maxEvents, returnImmediately: read.returnImmediately }
}

/** A stream id and a subject identifier, which `subject-key.ts` interprets. */
export function readSubjectRequest(body: unknown): { streamId: string; subject: unknown } {
  const read = checked(z.object({ stream_id: streamId, subject: z.unknown() }, anObject), body)
  return { streamId: read.stream_id, subject: read.subject }
}

function settingsOf(
  said: Pick<ChangeRequest, 'delivery' | 'events_requested' | 'description'>,
  before: EventStream | undefined,
): StreamSettings {
  return {
    delivery: deliveryOf(said.delivery, before?.delivery),
    eventsRequested: said.events_requested,
    description: said.description ?? undefined,
  }
}

/** The header is never returned. So a configuration that is sent back without it keeps it, for the same endpoint. */
function deliveryOf(said: z.infer<typeof delivery> | undefined, before: Delivery | undefined): Delivery {
  if (said?.method !== deliveryMethods.push) return { method: 'poll' }
  const { endpoint_url: endpointUrl, authorization_header: given } = said
  const isSameEndpoint = before?.method === 'push' && before.endpointUrl === endpointUrl
  const authorization = given === undefined && isSameEndpoint ? before.authorization : given || undefined
  return { method: 'push', endpointUrl, authorization }
}

const isSame = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other)

function checked<T>(schema: z.ZodType<T>, body: unknown): T {
  const result = schema.safeParse(body)
  if (result.success) return result.data
  throw invalid(
    result.error.issues.slice(0, 10).map((issue) => `${issue.path.join('.') || 'The body'} ${issue.message}`),
  )
}

const invalid = (faults: string[]): Failure =>
  new Failure('stream_request_invalid', 'invalid', `${faults.join('; ')}.`, { detail: { faults } })
