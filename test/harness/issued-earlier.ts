/** A token as this issuer would have signed it some time ago, by its own key out of its own database. */
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { Envelope } from '../../src/keyring/envelope.ts'
import { LocalKeyVault } from '../../src/keyring/key-vault.ts'
import { LiveKeySet } from '../../src/keyring/live-key-set.ts'
import { openDatabase } from '../../src/storage/connection/database.ts'
import { PostgresKeyStore } from '../../src/storage/keys/key-store.ts'
import type { Provider } from './server.ts'

const moments = ['iat', 'exp', 'auth_time'] as const
const day = 86_400
const times = {
  rotationIntervalSeconds: 30 * day,
  publishLeadSeconds: day,
  longestTokenSeconds: day,
  longestSessionSeconds: 30 * day,
  skewSeconds: 60,
}

export async function issuedEarlier({ databaseUrl, env }: Provider, token: string, seconds: number): Promise<string> {
  const kek = Buffer.from(env['CLAVIGER_KEY_ENCRYPTION_KEY'] ?? '', 'base64url')
  const db = openDatabase({ url: databaseUrl, poolSize: 1 })
  const live = await LiveKeySet.start({
    store: new PostgresKeyStore(db),
    vault: new LocalKeyVault(await Envelope.open(() => [kek])),
    times,
    changes: { on: () => () => {} },
    onError: (reason) => {
      throw reason
    },
    now: () => new Date(),
  })
  try {
    const { kid } = decodeProtectedHeader(token)
    const signer = live.current().signers.find((one) => one.kid === kid)
    if (!signer) throw new Error(`The issuer has no key ${kid}.`)
    const claims: Record<string, unknown> = { ...decodeJwt(token) }
    for (const name of moments) if (typeof claims[name] === 'number') claims[name] = Number(claims[name]) - seconds
    const signed = `${token.split('.')[0]}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}`
    return `${signed}.${Buffer.from(await signer.sign(Buffer.from(signed))).toString('base64url')}`
  } finally {
    live.stop()
    await db.close()
  }
}
