/** Program: opens streams of the feed on bare sockets and counts the messages that arrive. Spoken to by lines. */
import { connect } from 'node:net'
import { createInterface } from 'node:readline'

interface Order {
  port: number
  /** Of the issuer. */
  host: string
  streams: number
  authorization: string
}

/** Opened at the same time; the listen queue of a node is not endless. */
const together = 64

let messages = 0

function open({ port, host, authorization }: Order): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    socket.once('error', reject)
    socket.write(
      `GET /revocations/stream HTTP/1.1\r\nHost: ${host}\r\nAuthorization: ${authorization}\r\nAccept: text/event-stream\r\n\r\n`,
    )
    let isOpen = false
    socket.on('data', (bytes: Buffer) => {
      if (!isOpen) {
        isOpen = true
        const status = bytes.toString('latin1', 9, 12)
        if (status === '200') resolve()
        else reject(new Error(`a stream was answered ${status}`))
      }
      for (let at = bytes.indexOf('\nid: '); at !== -1; at = bytes.indexOf('\nid: ', at + 1)) messages += 1
    })
    socket.once('close', () => reject(new Error('a stream ended')))
  })
}

async function openAll(order: Order): Promise<void> {
  let left = order.streams
  await Promise.all(
    Array.from({ length: together }, async () => {
      while (left > 0) {
        left -= 1
        await open(order)
      }
    }),
  )
}

for await (const line of createInterface({ input: process.stdin })) {
  if (line === 'count') process.stdout.write(`${messages}\n`)
  else {
    await openAll(JSON.parse(line) as Order)
    process.stdout.write('open\n')
  }
}
process.exit(0)
