/** Which events a stream gets, and how its cursor moves. */
import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { deliverables, progress } from '../../src/signals/delivery.ts'
import { eventTypes } from '../../src/signals/event-types.ts'
import type { EventStream, StreamEvent } from '../../src/signals/signals.ts'
import { entry, stream } from './entries.ts'

const issuer = 'https://id.example'
const given = (to: EventStream, events: readonly StreamEvent[]) =>
  deliverables(to, events, issuer).map(({ event }) => event.seq)
const own = (seq: number, cause: string) => entry(seq, { kind: 'stream', cause, streamId: 'stream-1' })

describe('a stream gets', () => {
  const events = [
    entry(1),
    entry(2, { kind: 'sid', cause: 'session.ended' }),
    entry(3, { isExcluded: true }),
    entry(4, { kind: 'novel' as never }),
    own(5, 'stream.verification'),
    own(6, 'stream.updated'),
  ]

  test.each<[string, Partial<EventStream>, number[]]>([
    ['every event that concerns it', {}, [1, 2, 5, 6]],
    ['the requested events and those about itself', { eventsRequested: [eventTypes.sessionRevoked] }, [2, 5, 6]],
    ['the events about itself, when it requested none', { eventsRequested: [] }, [5, 6]],
    ['the events that it has not acknowledged', { acked: [2, 5] }, [1, 6]],
    ['the event that it is paused, while it is paused', { status: 'paused' }, [6]],
    ['the event that it is disabled, while it is disabled', { status: 'disabled' }, [6]],
  ])('%s', (_what, settings, expected) => {
    expect(given(stream(settings), events)).toEqual(expected)
  })
})

describe('the cursor of a stream', () => {
  test('stops before the first event that was not received, and keeps the numbers received beyond it', () => {
    const events = [entry(1), entry(2), entry(3)]
    const after = progress(stream(), events, [1, 3], issuer)
    expect(after).toEqual({ cursor: 1, acked: [3] })
    expect(progress(stream(after), events.slice(1), [2], issuer)).toEqual({ cursor: 3, acked: [] })
  })

  test('passes events that do not concern the stream and gaps in the numbers, but no event that is held', () => {
    const events = [entry(2, { isExcluded: true }), entry(9, { isExcluded: true }), entry(11)]
    expect(progress(stream(), events, [], issuer)).toEqual({ cursor: 9, acked: [] })
    expect(progress(stream({ status: 'disabled' }), events, [], issuer).cursor).toBe(11)
    expect(progress(stream({ status: 'paused' }), events.slice(2), [], issuer).cursor).toBe(0)
  })

  test('does not move for numbers that were never sent', () => {
    expect(progress(stream(), [entry(1)], [5, 900], issuer)).toEqual({ cursor: 0, acked: [] })
  })

  test('however a receiver acknowledges, it gets every event that concerns it, in order and once', () => {
    const kinds = fc.constantFrom<Partial<StreamEvent>>({}, { isExcluded: true }, { kind: 'novel' as never })
    fc.assert(
      fc.property(
        fc.array(kinds, { maxLength: 30 }),
        fc.infiniteStream(fc.nat(3)),
        fc.integer({ min: 1, max: 7 }),
        (made, choices, size) => {
          const events = made.map((more, index) => entry(index + 1, more))
          const wanted = given(stream(), events)
          const received: number[] = []
          let now = stream()
          for (let rounds = 0; rounds < 500 && received.length < wanted.length; rounds += 1) {
            const window = events.filter(({ seq }) => seq > now.cursor).slice(0, size)
            const offered = given(now, window)
            expect(offered.filter((seq) => received.includes(seq))).toEqual([])
            expect(offered).toEqual([...offered].sort((one, other) => one - other))
            // Acknowledge at least one, so that the loop ends.
            const acked = offered.filter((_, index) => index === 0 || choices.next().value === 0)
            received.push(...acked)
            now = stream(progress(now, window, acked, issuer))
            expect(now.acked.length).toBeLessThan(size)
          }
          expect(received.sort((one, other) => one - other)).toEqual(wanted)
        },
      ),
    )
  })
})
