import { MemoryKeyStore } from '../memory-key-store.ts'
import { describeKeyStore } from './key-store.contract.ts'

describeKeyStore('the stand-in for the key store', async () => {
  const store = new MemoryKeyStore()
  return { store, advance: async (seconds) => store.advance(seconds) }
})
