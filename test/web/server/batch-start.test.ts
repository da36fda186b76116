import { AsyncLocalStorage } from 'node:async_hooks'
import { describe, expect, test } from '@jest/globals'
import type { Context } from 'koa'
import { startInBatches } from '../../../src/web/server/batch-start.ts'

const ctx = {} as Context

describe('startInBatches', () => {
  test('requests of one event loop turn take each step together, in order of arrival', async () => {
    const start = startInBatches()
    const steps: string[] = []
    const walk = (name: string) => async () => {
      steps.push(`${name} 1`)
      await undefined
      steps.push(`${name} 2`)
    }
    const first = start(ctx, walk('first'))
    // Two sockets are read in two tasks; the microtasks of the first finish before the second.
    await undefined
    const second = start(ctx, walk('second'))
    await Promise.all([first, second])
    expect(steps).toEqual(['first 1', 'second 1', 'first 2', 'second 2'])
  })

  test('requests start at the end of their event loop turn, before the next one', async () => {
    const start = startInBatches()
    const seen: string[] = []
    const started = start(ctx, async () => void seen.push('request'))
    setImmediate(() => seen.push('next turn'))
    await new Promise((resolve) => process.nextTick(resolve))
    expect(seen).toEqual([])
    await started
    await new Promise((resolve) => setImmediate(resolve))
    expect(seen).toEqual(['request', 'next turn'])
  })

  test('a request starts while an earlier request is still unanswered', async () => {
    const start = startInBatches()
    const never = start(ctx, () => new Promise(() => undefined))
    await new Promise((resolve) => setImmediate(resolve))
    await start(ctx, async () => undefined)
    expect(await Promise.race([never, 'still under way'])).toBe('still under way')
  })

  test('each request keeps its own asynchronous context', async () => {
    const start = startInBatches()
    const name = new AsyncLocalStorage<string>()
    const seen: (string | undefined)[] = []
    const request = (who: string) => name.run(who, () => start(ctx, async () => void seen.push(name.getStore())))
    await Promise.all([request('first'), request('second'), request('third')])
    expect(seen).toEqual(['first', 'second', 'third'])
  })

  test('a request that fails does not affect the other requests of its turn', async () => {
    const start = startInBatches()
    const failing = start(ctx, async () => {
      throw new Error('mine')
    })
    const answered = start(ctx, async () => undefined)
    await expect(failing).rejects.toThrow('mine')
    await expect(answered).resolves.toBeUndefined()
  })
})
