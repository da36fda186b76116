/** A parser of server-sent events for the feed: returns the `data` of each message, bounded by the longest frame. */
import { longestFrame } from './frame.ts'

/** A frame and the field name around it. */
const longestLine = longestFrame + 1_024

export class EventStreamTooLong extends Error {
  override name = 'EventStreamTooLong'
}

export class EventStreamParser {
  readonly #decoder = new TextDecoder()
  #rest = ''
  #data = ''

  /** Returns the messages that this chunk completes. @throws EventStreamTooLong when a message exceeds the longest frame */
  push(chunk: Uint8Array): string[] {
    const messages: string[] = []
    const lines = (this.#rest + this.#decoder.decode(chunk, { stream: true })).split('\n')
    this.#rest = lines.pop() ?? ''
    for (const line of lines) {
      const text = line.endsWith('\r') ? line.slice(0, -1) : line
      if (text === '') {
        if (this.#data !== '') messages.push(this.#data)
        this.#data = ''
      } else if (text.startsWith('data:')) {
        const value = text.slice(text[5] === ' ' ? 6 : 5)
        this.#data = this.#data === '' ? value : `${this.#data}\n${value}`
      }
      if (this.#data.length > longestLine) throw new EventStreamTooLong('a message is longer than any frame')
    }
    if (this.#rest.length > longestLine) throw new EventStreamTooLong('a line is longer than any frame')
    return messages
  }
}
