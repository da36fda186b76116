/** Stream management for receivers, each limited to its own streams (SSF 1.0 §8). */
import { randomBytes } from 'node:crypto'
import { Failure } from '../errors/failure.ts'
import { deliveredEvents, supportedEvents } from './event-types.ts'
import { type EventStream, keptSeconds } from './signals.ts'
import {
  changedSettings,
  deliveryMethods,
  readChange,
  readCreation,
  readStatus,
  readSubjectRequest,
  readVerification,
} from './stream-request.ts'
import type { StreamStore } from './stream-store.ts'
import { exclusionOf, type SubjectNeeds } from './subject-key.ts'

export interface StreamDeskNeeds extends SubjectNeeds {
  store: StreamStore
  /** The base URL of the endpoints. */
  base: string
  record(change: { kind: 'created' | 'changed' | 'removed'; clientId: string; streamId: string; status?: string }): void
}

/** Seconds between two requests for a verification event. */
const verificationSeconds = 10

export class StreamDesk {
  readonly #needs: StreamDeskNeeds

  constructor(needs: StreamDeskNeeds) {
    this.#needs = needs
  }

  async create(clientId: string, body: unknown): Promise<object> {
    const settings = readCreation(body)
    const id = randomBytes(16).toString('hex')
    const stream = await this.#needs.store.insert(id, clientId, settings)
    this.#needs.record({ kind: 'created', clientId, streamId: id })
    return this.#configurationOf(stream)
  }

  /** The stream with this id, or all streams of the receiver. */
  async read(clientId: string, id: string | undefined): Promise<object> {
    if (id !== undefined) return this.#configurationOf(await this.get(clientId, id))
    return (await this.#needs.store.list(clientId)).map((stream) => this.#configurationOf(stream))
  }

  /** @param keep whether settings that are missing from the body stay unchanged */
  async change(clientId: string, body: unknown, { keep }: { keep: boolean }): Promise<object> {
    const request = readChange(body)
    const stream = await this.get(clientId, request.stream_id)
    const configuration = this.#configurationOf(stream)
    const changed = await this.#needs.store.update(stream.id, changedSettings(request, stream, { keep, configuration }))
    this.#needs.record({ kind: 'changed', clientId, streamId: stream.id })
    return this.#configurationOf(changed)
  }

  async remove(clientId: string, id: string): Promise<void> {
    await this.get(clientId, id)
    await this.#needs.store.remove(id)
    this.#needs.record({ kind: 'removed', clientId, streamId: id })
  }

  async status(clientId: string, id: string): Promise<object> {
    return statusOf(await this.get(clientId, id))
  }

  async setStatus(clientId: string, body: unknown): Promise<object> {
    const { streamId, status, reason } = readStatus(body)
    await this.get(clientId, streamId)
    const stream = await this.#needs.store.setStatus(streamId, status, reason)
    this.#needs.record({ kind: 'changed', clientId, streamId, status })
    return statusOf(stream)
  }

  /**
   * Every subject is included until it is removed; this includes it again. The response does not reveal whether the
   * subject exists.
   */
  async addSubject(clientId: string, body: unknown): Promise<void> {
    const { streamId, subject } = readSubjectRequest(body)
    const stream = await this.get(clientId, streamId)
    const excluded = await exclusionOf(subject, this.#needs)
    if (excluded !== undefined) await this.#needs.store.include(stream.id, excluded)
  }

  async removeSubject(clientId: string, body: unknown): Promise<void> {
    const { streamId, subject } = readSubjectRequest(body)
    const stream = await this.get(clientId, streamId)
    const excluded = await exclusionOf(subject, this.#needs)
    if (excluded !== undefined) await this.#needs.store.exclude(stream.id, excluded)
  }

  async verify(clientId: string, body: unknown): Promise<void> {
    const { streamId, state } = readVerification(body)
    const stream = await this.get(clientId, streamId)
    if (await this.#needs.store.verify(stream.id, state, verificationSeconds)) return
    const sentence = `Request a verification event at most once every ${verificationSeconds} seconds.`
    throw new Failure('verified_too_often', 'throttled', sentence, { retryAfterSeconds: verificationSeconds })
  }

  /** A stream of another receiver counts as missing. @throws Failure `stream_missing` */
  async get(clientId: string, id: string): Promise<EventStream> {
    const stream = await this.#needs.store.find(id)
    if (stream?.clientId === clientId) return stream
    throw new Failure('stream_missing', 'missing', 'This receiver has no stream with this id.')
  }

  /**
   * The configuration that the receiver reads (SSF 1.0 §8.1.1). Its authorization header is a secret and is never
   * returned.
   */
  #configurationOf(stream: EventStream): Record<string, unknown> {
    const { base, issuer } = this.#needs
    const { delivery } = stream
    return {
      stream_id: stream.id,
      iss: issuer,
      aud: stream.clientId,
      delivery:
        delivery.method === 'push'
          ? { method: deliveryMethods.push, endpoint_url: delivery.endpointUrl }
          : { method: deliveryMethods.poll, endpoint_url: `${base}/poll/${stream.id}` },
      events_supported: supportedEvents,
      ...(stream.eventsRequested ? { events_requested: stream.eventsRequested } : {}),
      events_delivered: deliveredEvents(stream.eventsRequested),
      min_verification_interval: verificationSeconds,
      inactivity_timeout: keptSeconds,
      ...(stream.description === undefined ? {} : { description: stream.description }),
    }
  }
}

const statusOf = ({ id, status, statusReason }: EventStream): object => ({
  stream_id: id,
  status,
  ...(statusReason === undefined ? {} : { reason: statusReason }),
})
