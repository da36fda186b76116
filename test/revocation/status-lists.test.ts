/** Status lists as one process derives them, with a stand-in for the database. */
import { generateKeyPairSync, sign } from 'node:crypto'
import { beforeEach, describe, expect, test } from '@jest/globals'
import { getListFromStatusListJWT } from '@sd-jwt/jwt-status-list'
import { decodeJwt, decodeProtectedHeader, importJWK, jwtVerify } from 'jose'
import { kinds, type LoggedRevocation, type LogHead } from '../../src/revocation/revocation.ts'
import { StatusLists } from '../../src/revocation/status-lists.ts'

const issuer = 'https://id.example'
const list = 7

/** A P-256 key pair with the interface of the keyring's signers. */
function signerNamed(kid: string) {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return {
    kid,
    alg: 'ES256',
    publicJwk: publicKey.export({ format: 'jwk' }),
    sign: async (data: Uint8Array) => sign('sha256', data, { key: privateKey, dsaEncoding: 'ieee-p1363' }),
  }
}

const entry = (seq: number): LoggedRevocation => ({
  seq,
  kind: kinds.jti,
  key: Buffer.from([seq]),
  notBefore: null,
  exp: 2_000_000_000,
})

let seconds: number
let head: LogHead
let entries: LoggedRevocation[]
let ageMs: number
let living: number[]
let asked: number[][]
let away: boolean
let signer: ReturnType<typeof signerNamed>
let lists: StatusLists

beforeEach(() => {
  seconds = 1_800_000_000
  head = { epoch: 'one', salt: Buffer.alloc(16), seq: 0, floor: 0, databaseMs: 0 }
  entries = []
  ageMs = 0
  living = [list]
  asked = []
  away = false
  signer = signerNamed('first')
  lists = new StatusLists({
    issuer,
    log: {
      get head() {
        return head
      },
      get ageMs() {
        return ageMs
      },
      clock: {
        get nowSeconds() {
          return seconds
        },
      },
      after: (seq) => entries.filter((one) => one.seq > seq),
    },
    ledger: {
      livingLists: async () => {
        if (away) throw new Error('the database is away')
        return living
      },
      // The number of each entry is the index of its token.
      findVoid: async (found, take) => {
        if (away) throw new Error('the database is away')
        asked.push(found.map(({ key }) => Number(key[0])))
        take(
          list,
          found.map(({ key }) => Number(key[0])),
        )
      },
    },
    signer: () => signer,
    lookMs: -1, // every request looks up again
    looksAfterMs: [0, 86_400_000],
  })
})

const log = (...seqs: number[]) => {
  entries.push(...seqs.map(entry))
  head = { ...head, seq: Math.max(head.seq, ...seqs) }
}
const tokenOf = async () => (await lists.find(list))?.token ?? ''
const invalid = async () => {
  const decoded = getListFromStatusListJWT(await tokenOf())
  return Array.from({ length: 16 }, (_, index) => index).filter((index) => decoded.getStatus(index) === 1)
}

describe('a list', () => {
  test('is signed by the key that signs access tokens, which verifiers already have', async () => {
    const { payload } = await jwtVerify(await tokenOf(), await importJWK(signer.publicJwk, 'ES256'), {
      typ: 'statuslist+jwt',
      currentDate: new Date(seconds * 1_000),
    })
    expect(payload).toMatchObject({ iss: issuer, sub: `${issuer}/status-lists/7`, iat: seconds, exp: seconds + 300 })
  })

  test('follows the log: a bit is set as soon as its entry is public, and never cleared', async () => {
    log(1, 2)
    expect(await invalid()).toEqual([1, 2])
    log(5)
    expect(await invalid()).toEqual([1, 2, 5])
    entries = []
    expect(await invalid()).toEqual([1, 2, 5])
  })

  test('is not signed again without a change, except after ten seconds', async () => {
    const first = await tokenOf()
    seconds += 9
    expect(await tokenOf()).toBe(first)
    seconds += 1
    const second = await tokenOf()
    expect(decodeJwt(second)).toEqual({ ...decodeJwt(first), iat: seconds, exp: seconds + 300 })
  })

  test('is signed again at once when a bit or the signing key changes', async () => {
    const first = await tokenOf()
    log(3)
    const second = await tokenOf()
    expect(second).not.toBe(first)
    signer = signerNamed('second')
    expect(decodeProtectedHeader(await tokenOf()).kid).toBe('second')
  })

  test('is signed once for concurrent requests', async () => {
    expect(new Set(await Promise.all(Array.from({ length: 50 }, tokenOf))).size).toBe(1)
  })

  test('is removed when no unexpired token names it, and a new list is found', async () => {
    living = [8]
    expect(await lists.find(list)).toBeUndefined()
    expect(await lists.find(8)).toBeDefined()
    expect(await lists.names()).toEqual([8])
  })
})

describe('an entry of the log', () => {
  test('is not looked up repeatedly', async () => {
    log(1)
    for (let times = 0; times < 5; times += 1) await tokenOf()
    log(2)
    await tokenOf()
    expect(asked).toEqual([[1], [2]])
  })

  test('is looked up again when the look-up failed', async () => {
    await tokenOf()
    log(1)
    away = true
    await tokenOf()
    away = false
    expect(await invalid()).toEqual([1])
  })

  test('of a restored database takes effect under its new number, and earlier revocations remain', async () => {
    log(1, 2)
    await tokenOf()
    head = { ...head, epoch: 'two', seq: 0 }
    entries = []
    log(1, 4)
    expect(await invalid()).toEqual([1, 2, 4])
    expect(asked.at(-1)).toEqual([1, 4])
  })
})

describe('a status list without the database', () => {
  test.each([
    ['the ledger is unavailable', () => (away = true)],
    ['the log cannot be read', () => (ageMs = 5_000)],
  ])('is not signed again, and its last version is served until its exp: %s', async (_, fail) => {
    const before = await tokenOf()
    fail()
    seconds += 299
    expect(await tokenOf()).toBe(before)
    seconds += 1
    await expect(tokenOf()).rejects.toMatchObject({ code: 'status_unsure', kind: 'unavailable' })
  })

  test('is unavailable when it was never signed', async () => {
    away = true
    await expect(tokenOf()).rejects.toMatchObject({ code: 'status_unsure' })
  })
})
