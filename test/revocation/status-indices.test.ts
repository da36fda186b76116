import { describe, expect, test } from '@jest/globals'
import { StatusIndices } from '../../src/revocation/status-indices.ts'
import { eventually } from '../harness/eventually.ts'

const blockSize = 64

/** Leases like the database; `away` while it is unavailable. */
function standInLedger() {
  const ledger = {
    leases: 0,
    away: false,
    async lease(size: number) {
      await new Promise((resolve) => setImmediate(resolve))
      if (ledger.away) throw new Error('the database is away')
      ledger.leases += 1
      return { list: 7, first: (ledger.leases - 1) * size }
    },
  }
  return ledger
}

describe('indices in status lists', () => {
  test('are assigned once each to concurrent callers', async () => {
    const ledger = standInLedger()
    const indices = new StatusIndices({ ledger, blockSize })
    const places = await Promise.all(Array.from({ length: 10 * blockSize }, () => indices.next()))
    expect(new Set(places.map(({ idx }) => idx)).size).toBe(10 * blockSize)
    expect(ledger.leases).toBeLessThanOrEqual(12)
  })

  test('come in random order', async () => {
    const indices = new StatusIndices({ ledger: standInLedger(), blockSize })
    const places = []
    for (let n = 0; n < blockSize; n += 1) places.push((await indices.next()).idx)
    const inOrder = [...places].sort((a, b) => a - b)
    expect(inOrder).toEqual(Array.from({ length: blockSize }, (_, n) => n))
    expect(places).not.toEqual(inOrder)
    expect(places).not.toEqual(inOrder.reverse())
  })

  test('are leased before the last one is used, so that a shorter outage has no effect', async () => {
    const ledger = standInLedger()
    const indices = new StatusIndices({ ledger, blockSize })
    for (let n = 0; n < blockSize; n += 1) await indices.next()
    expect(await eventually(() => ledger.leases === 2 || undefined)).toBe(true)
    ledger.away = true
    for (let n = 0; n < blockSize; n += 1) await indices.next()
  })

  test('are not assigned without a lease while the database is away, and are assigned again afterwards', async () => {
    const ledger = standInLedger()
    ledger.away = true
    const indices = new StatusIndices({ ledger, blockSize })
    await expect(Promise.all([indices.next(), indices.next()])).rejects.toThrow('away')
    await expect(indices.next()).rejects.toThrow('away')
    ledger.away = false
    expect((await indices.next()).idx).toBeLessThan(blockSize)
  })

  test('that a database leased before it was restored are dropped', async () => {
    const ledger = standInLedger()
    const indices = new StatusIndices({ ledger, blockSize })
    const waiting = indices.next()
    indices.drop()
    await waiting
    indices.drop()
    const { idx } = await indices.next()
    expect(idx).toBeGreaterThanOrEqual(2 * blockSize)
  })
})
