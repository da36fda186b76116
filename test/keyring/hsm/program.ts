/** Reports the behaviour of keys in an HSM from a separate process, since the module reads the real environment. */
import { randomBytes } from 'node:crypto'
import { compactVerify, importJWK } from 'jose'
import type { SigningAlgorithm } from '../../../src/keyring/cycle/algorithms.ts'
import { Keyring } from '../../../src/keyring/keyring.ts'
import { Envelope } from '../../../src/keyring/vaults/envelope.ts'
import { LocalKeyVault } from '../../../src/keyring/vaults/key-vault.ts'
import { Pkcs11Token } from '../../../src/keyring/vaults/pkcs11-token.ts'
import { Pkcs11Vault } from '../../../src/keyring/vaults/pkcs11-vault.ts'
import { MemoryKeyStore } from '../memory-key-store.ts'
import { rowOf, times } from '../sample-key.ts'

const [library = '', pin = ''] = process.argv.slice(2)
const kek = randomBytes(32)
const envelope = await Envelope.open(() => [kek])

const failureOf = (thrown: unknown) => {
  const { code, message } = thrown as { code: string; message: string }
  return { code, message }
}
const wrongPin = await Pkcs11Token.open({ library, pin: 'wrong-pin-0815', label: 'claviger' }).catch(failureOf)
const wrongLabel = await Pkcs11Token.open({ library, pin, label: 'nobody' }).catch(failureOf)

const token = await Pkcs11Token.open({ library, pin, label: 'claviger' })
const vault = new Pkcs11Vault(token, envelope)

/** The number of valid signatures among three concurrent ones. */
async function verifiedBy(alg: SigningAlgorithm): Promise<number> {
  const made = await vault.create(alg)
  const open = await vault.open(rowOf(made, alg))
  const head = Buffer.from(JSON.stringify({ alg, kid: made.kid })).toString('base64url')
  const signed = `${head}.${Buffer.from('hello').toString('base64url')}`
  const signatures = await Promise.all([1, 2, 3].map(() => open.sign(Buffer.from(signed))))
  const key = await importJWK(made.publicJwk, alg)
  const checks = signatures.map((one) => compactVerify(`${signed}.${Buffer.from(one).toString('base64url')}`, key))
  return (await Promise.allSettled(checks)).filter(({ status }) => status === 'fulfilled').length
}

async function moveIn(): Promise<number> {
  const store = new MemoryKeyStore()
  const needs = { store, times, algorithms: ['ES256'], audit: { write: () => {} } }
  await new Keyring({ ...needs, vault: new LocalKeyVault(envelope) }).ensureKeys()
  const moved = new Keyring({ ...needs, vault })
  await moved.ensureKeys()
  await moved.rotate({ now: true })
  await moved.rotate({ now: true })
  const active = store.keys.find(({ state }) => state === 'active')
  return active ? (await (await vault.open(active)).sign(Buffer.from('x'))).length : 0
}

const [one, other] = [await vault.create('ES256'), await vault.create('ES256')]
const plain = await envelope.open({ kid: one.kid, purpose: 'signing-key' }, one.sealed)
const seen = {
  wrongPin,
  wrongLabel,
  verified: {
    ES256: await verifiedBy('ES256'),
    ES384: await verifiedBy('ES384'),
    EdDSA: await verifiedBy('EdDSA'),
    RS256: await verifiedBy('RS256'),
    PS256: await verifiedBy('PS256'),
  },
  postQuantum: await vault.create('ML-DSA-65').catch(failureOf),
  rests: JSON.parse(Buffer.from(plain).toString()) as unknown,
  tampered: await vault.open({ ...rowOf(one, 'ES256'), publicJwk: other.publicJwk }).catch(failureOf),
  adopted: await vault.adopt().catch(failureOf),
  signatureAfterMovingIn: await moveIn(),
}
token.close()
process.stdout.write(`${JSON.stringify(seen)}\n`)
