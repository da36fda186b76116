/** Keys in an HSM, tried against SoftHSM2 where it is present (Debian: softhsm2) and pkcs11js is installed. */
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'

const root = process.env['SOFTHSM2_ROOT'] ?? ''
const library = `${root}/usr/lib/softhsm/libsofthsm2.so`
const utility = `${root}/usr/bin/softhsm2-util`
const pin = 'test-pin-4711'
const tokenFile = join(import.meta.dirname, '../../../src/keyring/vaults/pkcs11-token.ts')

function hasPackage(): boolean {
  try {
    createRequire(import.meta.url).resolve('pkcs11js')
    return true
  } catch {
    return false // the usual case: it is an optional package
  }
}

test('an HSM without the package pkcs11js is refused with the command that installs it', () => {
  // In a separate process that cannot load the package, whether it is installed or not.
  const without = `import { registerHooks } from 'node:module'
    registerHooks({ resolve(name, context, next) {
      if (name === 'pkcs11js') throw new Error('not found')
      return next(name, context)
    } })`
  const program = `const { Pkcs11Token } = await import(process.argv[1])
    await Pkcs11Token.open({ library: 'none.so', pin: '0000' }).catch(({ code, message }) => process.stdout.write(code + ' ' + message))`
  const hook = `data:text/javascript,${encodeURIComponent(without)}`
  const args = ['--import', hook, '--input-type=module', '--eval', program, tokenFile]
  const said = execFileSync(process.execPath, args, { encoding: 'utf8' })
  expect(said).toMatch(/^pkcs11_unavailable .*npm install pkcs11js/)
})

const present = hasPackage() && existsSync(library) && existsSync(utility)
const perhaps = present ? describe : describe.skip

perhaps(`keys in an HSM${present ? '' : ' (not run: SoftHSM2 or pkcs11js is not installed here)'}`, () => {
  let folder: string
  let seen: Record<string, unknown>

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'claviger-hsm-'))
    await mkdir(join(folder, 'tokens'))
    const conf = join(folder, 'softhsm2.conf')
    await writeFile(conf, `directories.tokendir = ${join(folder, 'tokens')}\nobjectstore.backend = file\n`)
    const options = { env: { ...process.env, SOFTHSM2_CONF: conf }, encoding: 'utf8' as const, stdio: 'pipe' as const }
    const init = ['--init-token', '--free', '--label', 'claviger', '--so-pin', pin, '--pin', pin, '--module', library]
    execFileSync(utility, init, options)
    const program = join(import.meta.dirname, 'program.ts')
    seen = JSON.parse(execFileSync(process.execPath, [program, library, pin], options)) as Record<string, unknown>
  }, 60_000)

  afterAll(() => rm(folder, { recursive: true, force: true }))

  test('are created in it and sign with every classical algorithm, several at once', () => {
    expect(seen['verified']).toEqual({ ES256: 3, ES384: 3, EdDSA: 3, RS256: 3, PS256: 3 })
    expect(seen['postQuantum']).toMatchObject({ code: 'pkcs11_algorithm_unknown' })
  })

  test('are stored in the database as a reference, not as a key', () => {
    expect(seen['rests']).toEqual({ pkcs11: expect.stringMatching(/^[0-9a-f]{32}$/) })
  })

  test('are refused when the public key of the row differs', () => {
    expect(seen['tampered']).toMatchObject({ code: 'signing_key_tampered' })
  })

  test('replace those of the local envelope by the next rotation', () => {
    expect(seen['signatureAfterMovingIn']).toBe(64)
  })

  test('are refused for a wrong PIN or token, and the error does not repeat the PIN', () => {
    expect(seen['wrongPin']).toMatchObject({ code: 'pkcs11_unavailable', message: expect.not.stringContaining('0815') })
    expect(seen['wrongLabel']).toMatchObject({ code: 'pkcs11_unavailable', message: expect.stringContaining('nobody') })
  })

  test('cannot be imported from outside', () => {
    expect(seen['adopted']).toMatchObject({ code: 'pkcs11_takes_no_key' })
  })
})
