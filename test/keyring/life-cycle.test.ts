import { expect, test } from '@jest/globals'
import { playLifeCycle } from './life-cycle.game.ts'
import { MemoryKeyStore } from './memory-key-store.ts'

test('whatever is rotated, revoked, imported, removed or killed in the middle, each algorithm keeps one key that signs and one standby, no cache lacks it and nothing alive fails to verify', async () => {
  const empty = async () => {
    const store = new MemoryKeyStore()
    return { store, advance: async (seconds: number) => store.advance(seconds) }
  }
  await expect(playLifeCycle(empty, { games: 100, moves: 60 })).resolves.toBeUndefined()
})
