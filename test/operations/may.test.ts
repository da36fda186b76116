import { describe, expect, test } from '@jest/globals'
import { catalogue } from '../../src/operations/catalogue.ts'
import { may } from '../../src/operations/may.ts'

describe('the law of rights', () => {
  test.each(catalogue.map((one) => [one.name, one] as const))('lets the host user do %s', (_name, operation) => {
    expect(may({ kind: 'host', user: 'root' }, operation)).toEqual({ allowed: true })
  })

  test.each(catalogue.map((one) => [one.name, one] as const))(
    'refuses %s to an account and to a client, and names the missing right',
    (_name, operation) => {
      for (const actor of [
        { kind: 'account', id: 'acc_1' },
        { kind: 'client', id: 'shop' },
      ] as const) {
        const verdict = may(actor, operation)
        expect(verdict.allowed).toBe(false)
        expect(verdict.allowed || verdict.why).toContain(operation.right)
      }
    },
  )
})

describe('the catalogue', () => {
  test('names each operation once', () => {
    const names = catalogue.map(({ name }) => name)
    expect(new Set(names).size).toBe(names.length)
  })

  test('names only existing operations as undo', () => {
    const names = new Set<string>(catalogue.map(({ name }) => name))
    expect(catalogue.filter(({ undo }) => undo !== undefined && !names.has(undo)).map(({ name }) => name)).toEqual([])
  })

  test('has at least one audit entry kind for each operation', () => {
    expect(catalogue.filter(({ records }) => records.length === 0)).toEqual([])
  })
})
