import { accountStoreContract } from './account-store.contract.ts'
import { MemoryAccountStore } from './memory-account-store.ts'

accountStoreContract(async () => new MemoryAccountStore())
