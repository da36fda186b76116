/** One suite for every key store, so that the stand-in of the unit tests follows the rules of the database. */
import { beforeEach, describe, expect, test } from '@jest/globals'
import { BUSY, type KeyLedger, type KeyStore } from '../../../src/keyring/cycle/key-store.ts'
import type { SigningKey } from '../../../src/keyring/live/signing-key.ts'
import { DAY, later, sampleKey } from '../sample-key.ts'

export interface StoreUnderTest {
  store: KeyStore
  /** Advances the store's clock. */
  advance(seconds: number): Promise<void>
}

export function describeKeyStore(name: string, open: () => Promise<StoreUnderTest>): void {
  describe(name, () => {
    let it: StoreUnderTest
    const change = <T>(work: (ledger: KeyLedger) => Promise<T>) => it.store.change('wait', work)
    const stateOf = async (kid: string) => (await it.store.read()).keys.find((key) => key.kid === kid)?.state
    /** An algorithm after the first start: `first` is active, `next` is its standby. */
    const begin = (alg = 'ES256') =>
      change(async (ledger) => {
        await ledger.insert(sampleKey('first', ledger.now, { alg, state: 'active', reason: 'first key' }))
        await ledger.insert(sampleKey('next', ledger.now, { alg }))
      })
    /** `first` retires, `next` becomes active, `third` is the standby. */
    const rotate = (reason: string) => change(rotation(reason))
    const rotation = (reason: string) => async (ledger: KeyLedger) => {
      const { now } = ledger
      await ledger.update('first', { state: 'retired', retiredAt: now, removableAt: later(now, 7 * DAY), reason })
      await ledger.update('next', { state: 'active', activeAt: now, reason })
      await ledger.insert(sampleKey('third', now))
    }
    const refusal = async (work: (ledger: KeyLedger) => Promise<unknown>) => {
      const error = await change(work).then(
        () => undefined,
        (reason: unknown) => reason as { code: string; detail: object },
      )
      return { code: error?.code, law: (error?.detail as { law?: string } | undefined)?.law }
    }
    const law = (name: string) => ({ code: 'key_law_broken', law: name })

    beforeEach(async () => {
      it = await open()
    })

    test('a key is read as it was stored', async () => {
      await begin()
      const { keys, now } = await it.store.read()
      expect(keys.map(({ kid }) => kid)).toEqual(['first', 'next'])
      const expected: SigningKey = sampleKey('next', keys[1]?.createdAt as Date)
      expect(keys[1]).toEqual(expected)
      expect(Number(keys[1]?.createdAt)).toBeLessThanOrEqual(Number(now))
    })

    test('an empty store has no keys and returns its time', async () => {
      const { keys, now } = await it.store.read()
      expect(keys).toEqual([])
      expect(now.getTime()).not.toBeNaN()
    })

    test('a change that throws is undone', async () => {
      await begin()
      const failing = change(async (ledger) => {
        await ledger.update('next', { state: 'removed', sealed: null, removedAt: ledger.now })
        throw new Error('half way')
      })
      await expect(failing).rejects.toThrow('half way')
      expect(await stateOf('next')).toBe('pending')
    })

    test('a change sees its own writes', async () => {
      await begin()
      await change(async (ledger) => {
        await ledger.update('next', { promoteAt: ledger.now })
        expect(ledger.keys.find(({ kid }) => kid === 'next')?.promoteAt).toEqual(ledger.now)
      })
    })

    test('while a change runs, an impatient change gives up, and a patient one waits and sees the result', async () => {
      await begin()
      let finish: () => void = () => {}
      let begun: () => void = () => {}
      const running = new Promise<void>((resolve) => {
        begun = resolve
      })
      const first = change(async (ledger) => {
        await ledger.update('next', { promoteAt: ledger.now })
        begun()
        await new Promise<void>((resolve) => {
          finish = resolve
        })
      })
      await running
      expect(await it.store.change('give-up', async () => 'done')).toBe(BUSY)
      const patient = change(async (ledger) => ledger.keys.find(({ kid }) => kid === 'next')?.promoteAt)
      finish()
      await first
      expect(await patient).toBeInstanceOf(Date)
    })

    test('a key does not sign before its publish lead is over', async () => {
      await begin()
      expect(await refusal(rotation('schedule'))).toEqual(law('KEY03'))
    })

    test('a key signs once its publish lead is over', async () => {
      await begin()
      await it.advance(DAY + 1)
      await rotate('schedule')
      expect(await stateOf('next')).toBe('active')
    })

    describe('a canary', () => {
      const tryNext = (ledger: KeyLedger) => ledger.update('next', { canaryAt: ledger.now })
      const replaceNext = (state: 'retired' | 'removed') => async (ledger: KeyLedger) => {
        const { now } = ledger
        const gone = { state, sealed: null, removedAt: now } as const
        const kept = { state, retiredAt: now, removableAt: later(now, 7 * DAY) } as const
        await ledger.update('next', state === 'removed' ? gone : kept)
        await ledger.insert(sampleKey('third', now))
      }

      test('gets no token of the next key before its publish lead is over', async () => {
        await begin()
        expect(await refusal(tryNext)).toEqual(law('KEY03'))
        await it.advance(DAY + 1)
        const early = (ledger: KeyLedger) => ledger.update('next', { canaryAt: new Date(0) })
        expect(await refusal(early)).toEqual(law('KEY03'))
        await change(tryNext)
      })

      test('can be signed for only by a standby', async () => {
        await begin()
        await it.advance(DAY + 1)
        expect(await refusal((ledger) => ledger.update('first', { canaryAt: ledger.now }))).toEqual(law('KEY02'))
        const made = (ledger: KeyLedger) =>
          ledger.insert(sampleKey('x', ledger.now, { alg: 'RS256', canaryAt: ledger.now }))
        expect(await refusal(made)).toEqual(law('KEY01'))
      })

      test('stays recorded on the standby that signed for it', async () => {
        await begin()
        await it.advance(DAY + 1)
        await change(tryNext)
        expect(await refusal((ledger) => ledger.update('next', { canaryAt: null }))).toEqual(law('KEY05'))
      })

      test('makes a standby that signed for it retire before its removal; another standby is removed directly', async () => {
        await begin()
        expect(await refusal(replaceNext('retired'))).toEqual(law('KEY02'))
        await it.advance(DAY + 1)
        await change(tryNext)
        expect(await refusal(replaceNext('removed'))).toEqual(law('KEY02'))
        await change(replaceNext('retired'))
        const remove = (ledger: KeyLedger) =>
          ledger.update('next', { state: 'removed', sealed: null, removedAt: ledger.now })
        expect(await refusal(remove)).toEqual(law('KEY04'))
        await it.advance(7 * DAY + 1)
        await change(remove)
      })
    })

    test('an emergency step skips the publish lead, and no other step does', async () => {
      await begin()
      await rotate('emergency: compromised')
      expect(await stateOf('next')).toBe('active')
    })

    test('a retired key is not removed before everything that it signed has expired', async () => {
      await begin()
      await rotate('emergency: x')
      const remove = (ledger: KeyLedger) =>
        ledger.update('first', { state: 'removed', sealed: null, removedAt: ledger.now })
      expect(await refusal(remove)).toEqual(law('KEY04'))
      await it.advance(7 * DAY + 1)
      await change(remove)
      expect(await stateOf('first')).toBe('removed')
    })

    test('the private key is deleted when a key is removed or revoked, and not earlier', async () => {
      await begin()
      await rotate('emergency: x')
      const kept = (ledger: KeyLedger) => ledger.update('first', { state: 'revoked', revokedAt: ledger.now })
      const lost = (ledger: KeyLedger) => ledger.update('first', { sealed: null })
      expect(await refusal(kept)).toEqual(law('signing_key_private_half_goes'))
      expect(await refusal(lost)).toEqual(law('signing_key_private_half_goes'))
    })

    test.each([
      ['active', 'pending'],
      ['active', 'removed'],
      ['retired', 'active'],
      ['retired', 'pending'],
      ['revoked', 'active'],
      ['removed', 'active'],
    ] as const)('a key cannot change from %s to %s', async (from, to) => {
      await begin()
      await rotate('emergency: x')
      const gone = to === 'removed' ? null : 'sealed'
      await change(async (ledger) => {
        if (from === 'revoked') await ledger.update('first', { state: from, sealed: null, revokedAt: ledger.now })
      })
      if (from === 'removed') {
        await it.advance(7 * DAY + 1)
        await change((ledger) => ledger.update('first', { state: from, sealed: null, removedAt: ledger.now }))
      }
      const kid = from === 'active' ? 'next' : 'first'
      const illegal = (ledger: KeyLedger) =>
        ledger.update(kid, { state: to, sealed: gone, removedAt: ledger.now, reason: 'emergency: x' })
      expect(await refusal(illegal)).toEqual(law('KEY02'))
    })

    test.each([
      ['when it was published', { publishAt: new Date(0) }],
      ['when it may sign', { promotableAt: new Date(1) }],
      ['when it was created', { createdAt: new Date(0) }],
      ['its algorithm', { alg: 'RS256' }],
    ])('a recorded fact of a key cannot be changed: %s', async (_, changes) => {
      await begin()
      expect(await refusal((ledger) => ledger.update('next', changes))).toEqual(law('KEY05'))
    })

    test('the removal date can move to later, but not to earlier', async () => {
      await begin()
      await rotate('emergency: x')
      const { keys } = await it.store.read()
      const removableAt = keys.find(({ kid }) => kid === 'first')?.removableAt as Date
      await change((ledger) => ledger.update('first', { removableAt: later(removableAt, 60) }))
      expect(await refusal((ledger) => ledger.update('first', { removableAt }))).toEqual(law('KEY05'))
    })

    test('an algorithm has at most one active key and one standby', async () => {
      await begin()
      const second = (state: 'active' | 'pending') => (ledger: KeyLedger) =>
        ledger.insert(sampleKey('second', ledger.now, { state, reason: 'emergency: x' }))
      expect(await refusal(second('active'))).toEqual(law('one_active_key_per_algorithm'))
      expect(await refusal(second('pending'))).toEqual(law('one_pending_key_per_algorithm'))
    })

    test('an algorithm is never without a standby or an active key', async () => {
      await begin()
      const dropStandby = (ledger: KeyLedger) =>
        ledger.update('next', { state: 'removed', sealed: null, removedAt: ledger.now })
      const dropActive = (ledger: KeyLedger) =>
        ledger.update('first', { state: 'revoked', sealed: null, revokedAt: ledger.now })
      expect(await refusal(dropStandby)).toEqual(law('KEY07'))
      expect(await refusal(dropActive)).toEqual(law('KEY07'))
    })

    test('a key begins as a standby, or as active when it is the first', async () => {
      await begin()
      const asActive = (ledger: KeyLedger) => ledger.insert(sampleKey('x', ledger.now, { state: 'active' }))
      const asRetired = (ledger: KeyLedger) =>
        ledger.insert(
          sampleKey('x', ledger.now, { state: 'retired', retiredAt: ledger.now, removableAt: later(ledger.now, 1) }),
        )
      const asRevoked = (ledger: KeyLedger) =>
        ledger.insert(sampleKey('x', ledger.now, { state: 'revoked', sealed: null, revokedAt: ledger.now }))
      for (const insert of [asActive, asRetired, asRevoked]) expect(await refusal(insert)).toEqual(law('KEY01'))
    })

    test('a node with an outdated key-encryption key cannot add a key', async () => {
      await begin()
      const insert = (ledger: KeyLedger) =>
        ledger.insert(sampleKey('x', ledger.now, { alg: 'RS256', fingerprint: 'another' }))
      expect(await refusal(insert)).toEqual({ code: 'key_encryption_key_outdated', law: 'KEY08' })
    })

    test('changing a key that does not exist fails', async () => {
      expect((await refusal((ledger) => ledger.update('nobody', { reason: 'x' }))).code).toBe('key_unknown')
    })
  })
}
