import { describe, expect, test } from '@jest/globals'
import {
  digestOfSecret,
  isClientSecret,
  newClientSecret,
  ownSecretDigest,
  secretPlaceholder,
  withFreshSecret,
} from '../../src/clients/client-secret.ts'
import { newClient } from '../../src/clients/new-client.ts'
import { examples } from './clients.ts'

test('a secret has 256 random bits and a prefix that scanners find', () => {
  expect(newClientSecret()).toMatch(/^clv_[A-Za-z0-9_-]{43}$/)
  expect(newClientSecret()).not.toBe(newClientSecret())
})

test('the correct secret matches its digest, and no other value does', () => {
  const secret = newClientSecret()
  const client = { secretDigest: digestOfSecret(secret) }
  expect(isClientSecret(client, secret)).toBe(true)
  for (const wrong of [`${secret} `, '', undefined, null, 7, [secret], 'x'.repeat(100_000)])
    expect(isClientSecret(client, wrong)).toBe(false)
})

describe('the secret before the last rotation', () => {
  const [old, present] = [newClientSecret(), newClientSecret()]
  const until = new Date('2026-03-02T12:00:00Z')
  const client = { secretDigest: digestOfSecret(present), previousSecret: { digest: digestOfSecret(old), until } }

  test('is accepted beside the current secret until the end of the overlap, and not afterwards', () => {
    for (const [secret, at, isAccepted] of [
      [old, until.getTime() - 1, true],
      [old, until.getTime(), false],
      [present, until.getTime() - 1, true],
      [present, until.getTime(), true],
      [newClientSecret(), until.getTime() - 1, false],
    ] as const)
      expect(isClientSecret(client, secret, at)).toBe(isAccepted)
  })

  test('is refused when the client has no current secret', () => {
    expect(isClientSecret({ ...client, secretDigest: undefined }, old, until.getTime() - 1)).toBe(false)
  })
})

test('a client without a secret accepts no secret', () => {
  expect(isClientSecret({ secretDigest: undefined }, '')).toBe(false)
  expect(isClientSecret({ secretDigest: undefined }, secretPlaceholder(undefined))).toBe(false)
})

test('the placeholder that the engine holds is itself no secret', () => {
  const secretDigest = digestOfSecret(newClientSecret())
  expect(isClientSecret({ secretDigest }, secretPlaceholder(secretDigest))).toBe(false)
})

test('a client that needs a secret gets one, once', () => {
  const made = withFreshSecret(newClient(examples.web))
  expect(isClientSecret(made.client, made.secret)).toBe(true)
  expect(withFreshSecret(made.client).secret).toBeUndefined()
  expect(withFreshSecret(newClient(examples.spa)).secret).toBeUndefined()
})

test.each([
  ['short', 'hunter2'],
  ['with a line break', `${'x'.repeat(40)}\n`],
  ['endless', 'x'.repeat(513)],
  ['one word over and over', 'password'.repeat(5)],
  ['one character over and over', 'x'.repeat(40)],
  ['a sentence', 'this is the secret of our billing service'],
  ['a run of letters and digits', 'abcdefghijklmnopqrstuvwxyz0123456789'],
])('a supplied secret that is %s is refused without being quoted', (_title, secret) => {
  expect(() => ownSecretDigest(secret)).toThrow(
    expect.objectContaining({ code: 'client_invalid', message: expect.not.stringContaining(secret) }),
  )
})
