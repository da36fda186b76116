import { expect, test } from '@jest/globals'
import { playLifeCycle } from './life-cycle.game.ts'
import { MemoryKeyStore } from './memory-key-store.ts'

test('after any rotation, revocation, import, removal or crash, each algorithm has an active key and a standby, caches know the active key and valid tokens verify', async () => {
  const empty = async () => {
    const store = new MemoryKeyStore()
    return { store, advance: async (seconds: number) => store.advance(seconds) }
  }
  await expect(playLifeCycle(empty, { games: 100, moves: 60 })).resolves.toBeUndefined()
})
