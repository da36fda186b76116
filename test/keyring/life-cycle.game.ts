/** Plays random games of the life cycle on any key store, with the keyring against its oracle. */
import fc from 'fast-check'
import { calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose'
import type { KeyStore } from '../../src/keyring/cycle/key-store.ts'
import { Keyring } from '../../src/keyring/keyring.ts'
import { CheapVault } from './cheap-vault.ts'
import { CrashingKeyStore } from './crashing-key-store.ts'
import { expectAgreement, gameTimes, moves, type Table } from './life-cycle.moves.ts'
import { LifeCycleOracle } from './life-cycle-oracle.ts'

const algorithms = ['ES256', 'RS256']

export interface EmptyStore {
  store: KeyStore
  advance: Table['advance']
}

/** @throws with the shortest game that fails */
export async function playLifeCycle(
  empty: () => Promise<EmptyStore>,
  size: { games: number; moves: number },
): Promise<void> {
  const foreignKeys = await Promise.all([1, 2, 3].map(foreignKey))
  const setUp = async () => {
    const { store, advance } = await empty()
    const table = tableOn(store, advance, [...foreignKeys])
    await table.keyring.ensureKeys()
    const model = new LifeCycleOracle()
    model.begin(algorithms)
    await expectAgreement(model, table)
    return { model, real: table }
  }
  const games = fc.asyncProperty(fc.commands(moves(algorithms), { maxCommands: size.moves, size: 'max' }), (commands) =>
    fc.asyncModelRun(setUp, commands),
  )
  await fc.assert(games, { numRuns: size.games })
}

function tableOn(store: KeyStore, advance: Table['advance'], foreignKeys: Table['foreignKeys']): Table {
  const crashing = new CrashingKeyStore(store)
  const needs = { store: crashing, vault: new CheapVault(), times: gameTimes, algorithms, audit: { write: () => {} } }
  return { keyring: new Keyring(needs), store: crashing, advance, foreignKeys }
}

async function foreignKey(): Promise<{ kid: string; key: string }> {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true })
  const jwk = await exportJWK(privateKey)
  return { kid: await calculateJwkThumbprint(jwk), key: JSON.stringify(jwk) }
}
