/**
 * One token of a PKCS#11 module, used through the package `pkcs11js`. That package is compiled where it is installed,
 * so Claviger does not depend on it: operators with an HSM install it beside Claviger. The numbers are those of the
 * PKCS#11 headers.
 */
import { randomBytes } from 'node:crypto'
import { Failure } from '../../errors/failure.ts'

export interface Pkcs11Settings {
  /** The module's shared library. */
  library: string
  pin: string
  /** Label of the token; the first one when absent. */
  label?: string | undefined
}

type Handle = Buffer
type Template = { type: number; value?: Buffer | number | boolean | string }[]

export interface Mechanism {
  mechanism: number
  parameter?: Buffer | object
}

/** The part of `pkcs11js` that Claviger uses. */
interface Cryptoki {
  load(path: string): void
  C_Initialize(): void
  C_Finalize(): void
  C_GetSlotList(tokenPresent: boolean): Handle[]
  C_GetTokenInfo(slot: Handle): { label: string }
  C_OpenSession(slot: Handle, flags: number): Handle
  C_Login(session: Handle, userType: number, pin: string): void
  C_GenerateKeyPairAsync(
    session: Handle,
    mechanism: Mechanism,
    publicTemplate: Template,
    privateTemplate: Template,
  ): Promise<{ publicKey: Handle; privateKey: Handle }>
  C_GetAttributeValue(session: Handle, object: Handle, template: Template): { type: number; value: Buffer }[]
  C_FindObjectsInit(session: Handle, template: Template): void
  C_FindObjects(session: Handle, most: number): Handle[]
  C_FindObjectsFinal(session: Handle): void
  C_SignInit(session: Handle, mechanism: Mechanism, key: Handle): void
  C_SignAsync(session: Handle, data: Buffer, out: Buffer): Promise<Buffer>
}

const CKF = { serialSession: 4, rwSession: 2 }
const CKU_USER = 1
const CKO = { publicKey: 2, privateKey: 3 }
const CKA = {
  class: 0x000,
  token: 0x001,
  private: 0x002,
  label: 0x003,
  id: 0x102,
  sensitive: 0x103,
  sign: 0x108,
  verify: 0x10a,
  extractable: 0x162,
} as const

const LONGEST_SIGNATURE = 1024

export class Pkcs11Token {
  readonly #cryptoki: Cryptoki
  readonly #session: Handle
  /** The current operation: a PKCS#11 session runs one at a time. */
  #busy: Promise<unknown> = Promise.resolve()

  private constructor(cryptoki: Cryptoki, session: Handle) {
    this.#cryptoki = cryptoki
    this.#session = session
  }

  /** @throws Failure `pkcs11_unavailable` */
  static async open({ library, pin, label }: Pkcs11Settings): Promise<Pkcs11Token> {
    const cryptoki = await loadCryptoki()
    let isInitialised = false
    try {
      cryptoki.load(library)
      cryptoki.C_Initialize()
      isInitialised = true
      const slots = cryptoki.C_GetSlotList(true)
      const slot = slots.find((one) => label === undefined || cryptoki.C_GetTokenInfo(one).label.trim() === label)
      if (!slot) throw unavailable(`it has no token ${label === undefined ? '' : JSON.stringify(label)}`)
      const session = cryptoki.C_OpenSession(slot, CKF.serialSession | CKF.rwSession)
      cryptoki.C_Login(session, CKU_USER, pin)
      return new Pkcs11Token(cryptoki, session)
    } catch (cause) {
      // A module is initialised once per process. Finalise it, so that it can be opened again.
      if (isInitialised) cryptoki.C_Finalize()
      throw cause instanceof Failure
        ? cause
        : unavailable('it cannot be opened. Check the module, the token and the PIN', cause)
    }
  }

  /**
   * Makes a key pair whose private key cannot be exported. Returns its id and the requested attributes of the public
   * key.
   */
  async makePair(
    mechanism: Mechanism,
    publicTemplate: Template,
    wanted: readonly number[],
  ): Promise<{ id: string; attributes: Buffer[] }> {
    const id = randomBytes(16)
    const named: Template = [
      { type: CKA.token, value: true },
      { type: CKA.id, value: id },
      { type: CKA.label, value: 'claviger signing key' },
    ]
    const secret: Template = [
      { type: CKA.private, value: true },
      { type: CKA.sensitive, value: true },
      { type: CKA.extractable, value: false },
      { type: CKA.sign, value: true },
    ]
    return this.#alone(async () => {
      const { publicKey } = await this.#cryptoki.C_GenerateKeyPairAsync(
        this.#session,
        mechanism,
        [...named, { type: CKA.verify, value: true }, ...publicTemplate],
        [...named, ...secret],
      )
      const found = this.#cryptoki.C_GetAttributeValue(
        this.#session,
        publicKey,
        wanted.map((type) => ({ type })),
      )
      return { id: id.toString('hex'), attributes: found.map(({ value }) => Buffer.from(value)) }
    })
  }

  /** Returns a function that signs with the private key of this id. @throws Failure `pkcs11_key_missing` */
  async signerOf(id: string, mechanism: Mechanism): Promise<(data: Buffer) => Promise<Buffer>> {
    const [key] = await this.#alone(async () => {
      this.#cryptoki.C_FindObjectsInit(this.#session, [
        { type: CKA.class, value: CKO.privateKey },
        { type: CKA.id, value: Buffer.from(id, 'hex') },
      ])
      try {
        return this.#cryptoki.C_FindObjects(this.#session, 1)
      } finally {
        this.#cryptoki.C_FindObjectsFinal(this.#session)
      }
    })
    if (!key) {
      throw new Failure(
        'pkcs11_key_missing',
        'conflict',
        `The token has no private key with the id ${id}, to which the database refers. Check that the configured token is the right one.`,
      )
    }
    return (data) =>
      this.#alone(async () => {
        this.#cryptoki.C_SignInit(this.#session, mechanism, key)
        return this.#cryptoki.C_SignAsync(this.#session, data, Buffer.alloc(LONGEST_SIGNATURE))
      })
  }

  close(): void {
    this.#cryptoki.C_Finalize()
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#busy.then(work)
    this.#busy = done.catch(() => {})
    return done
  }
}

async function loadCryptoki(): Promise<Cryptoki> {
  // Import by a variable, since the package is optional and usually not installed.
  const name = 'pkcs11js'
  try {
    const { default: package_, PKCS11 = package_?.PKCS11 } = await import(name)
    return new PKCS11() as Cryptoki
  } catch (cause) {
    throw unavailable('the package pkcs11js is not installed: npm install pkcs11js (it needs a C++ compiler)', cause)
  }
}

const unavailable = (why: string, cause?: unknown): Failure =>
  new Failure('pkcs11_unavailable', 'conflict', `The PKCS#11 module cannot be used: ${why}.`, { cause })
