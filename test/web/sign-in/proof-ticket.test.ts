import { expect, test } from '@jest/globals'
import { createProofTickets } from '../../../src/web/sign-in/proof-ticket.ts'

const proof = { uid: 'u1', accountId: 'acc_b', switchFrom: 'acc_a', amr: ['pwd'], acr: 'x', remember: true }
const tickets = (at: number, byte = 1) => createProofTickets({ key: Buffer.alloc(32, byte), now: () => new Date(at) })

test('a ticket returns its proof on every node with the same key', () => {
  expect(tickets(1000).read(tickets(0).issue(proof), 'u1')).toEqual(proof)
})
test('a ticket is valid for its own sign-in only and expires after five minutes', () => {
  const ticket = tickets(0).issue(proof)
  expect(tickets(0).read(ticket, 'u2')).toBeUndefined()
  expect(tickets(299_999).read(ticket, 'u1')).toEqual(proof)
  expect(tickets(300_000).read(ticket, 'u1')).toBeUndefined()
})
test('a ticket that was changed or sealed with another key returns no proof', () => {
  const ticket = tickets(0).issue(proof)
  const [content = '', seal = ''] = ticket.split('.')
  const forged = Buffer.from(JSON.stringify({ ...proof, accountId: 'acc_admin', until: 1e15 })).toString('base64url')
  for (const bad of [undefined, '', '.', content, `${forged}.${seal}`, `${content}.`, `${ticket}.x`])
    expect(tickets(0).read(bad, 'u1')).toBeUndefined()
  expect(tickets(0, 2).read(ticket, 'u1')).toBeUndefined()
})
