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
  ['a stranger is who they are', '203.0.113.9', '1.2.3.4', '203.0.113.9'],
  ['a proxy of ours is believed', '10.1.1.1', '203.0.113.9', '203.0.113.9'],
  ['also as IPv4 in IPv6', '::ffff:10.1.1.1', '203.0.113.9', '203.0.113.9'],
  ['also over IPv6', 'fd00::1', '2001:db8::7', '2001:db8::7'],
  ['a single address is a range of one', '192.0.2.1', '203.0.113.9', '203.0.113.9'],
  ['proxies are passed over from the right', '10.1.1.1', '6.6.6.6, 203.0.113.9, 10.2.2.2, fd00::2', '203.0.113.9'],
  ['ports and brackets are dropped', '10.1.1.1', '[2001:db8::7]:443', '2001:db8::7'],
  ['ports of IPv4 are dropped', '10.1.1.1', '203.0.113.9:1234', '203.0.113.9'],
  ['what is no address ends the search', '10.1.1.1', '203.0.113.9, unknown', '10.1.1.1'],
  ['also in the middle', '10.1.1.1', '203.0.113.9, <script>, 10.2.2.2', '10.2.2.2'],
  ['odd numbers are no address', '10.1.1.1', '0x7f.1', '10.1.1.1'],
  ['nothing forwarded', '10.1.1.1', undefined, '10.1.1.1'],
  ['nothing but proxies', '10.1.1.1', '10.3.3.3', '10.3.3.3'],
  ['no peer at all', '', '203.0.113.9', 'unknown'],
])('%s', (_title, peer, forwarded, source) => {
  expect(sourceOf(peer, forwarded).source).toBe(source)
})

test('without listed proxies nobody is believed', () => {
  expect(sourceOf('10.1.1.1', '203.0.113.9', [])).toEqual({ source: '10.1.1.1', isProxied: false })
})
