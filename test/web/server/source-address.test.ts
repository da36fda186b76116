import type { IncomingMessage } from 'node:http'
import { expect, test } from '@jest/globals'
import { createSourceOf } from '../../../src/web/server/source-address.ts'

const proxies = ['10.0.0.0/8', 'fd00::/8', '192.0.2.1']
const sourceOf = (peer: string, forwarded?: string | string[], trusted = proxies) =>
  createSourceOf(trusted)({
    socket: { remoteAddress: peer },
    headers: { 'x-forwarded-for': forwarded },
  } as unknown as IncomingMessage)

test.each<[string, string, string | undefined, string]>([
  ['a client that is no listed proxy keeps its own address', '203.0.113.9', '1.2.3.4', '203.0.113.9'],
  ['a listed proxy names the client', '10.1.1.1', '203.0.113.9', '203.0.113.9'],
  ['a listed proxy with an IPv4-mapped address names the client', '::ffff:10.1.1.1', '203.0.113.9', '203.0.113.9'],
  ['a listed proxy over IPv6 names the client', 'fd00::1', '2001:db8::7', '2001:db8::7'],
  ['a proxy listed by its single address names the client', '192.0.2.1', '203.0.113.9', '203.0.113.9'],
  [
    'listed proxies in the header are skipped from the right',
    '10.1.1.1',
    '6.6.6.6, 203.0.113.9, 10.2.2.2, fd00::2',
    '203.0.113.9',
  ],
  ['ports and brackets of an IPv6 address are removed', '10.1.1.1', '[2001:db8::7]:443', '2001:db8::7'],
  ['ports of an IPv4 address are removed', '10.1.1.1', '203.0.113.9:1234', '203.0.113.9'],
  ['an entry that is not an address ends the search at the peer', '10.1.1.1', '203.0.113.9, unknown', '10.1.1.1'],
  [
    'an entry that is not an address ends the search at the last proxy',
    '10.1.1.1',
    '203.0.113.9, <script>, 10.2.2.2',
    '10.2.2.2',
  ],
  ['a hexadecimal number is not an address', '10.1.1.1', '0x7f.1', '10.1.1.1'],
  ['without a header the peer is the source', '10.1.1.1', undefined, '10.1.1.1'],
  ['a header with proxies only yields its left-most address', '10.1.1.1', '10.3.3.3', '10.3.3.3'],
  ['a request without a peer has an unknown source', '', '203.0.113.9', 'unknown'],
])('source address: %s', (_title, peer, forwarded, source) => {
  expect(sourceOf(peer, forwarded).source).toBe(source)
})

test('without listed proxies, X-Forwarded-For is ignored', () => {
  expect(sourceOf('10.1.1.1', '203.0.113.9', [])).toEqual({ source: '10.1.1.1', isProxied: false })
})
