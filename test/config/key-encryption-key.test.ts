import { mkdtemp, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, expect, test } from '@jest/globals'
import { ensureKeyEncryptionKey, readKeyEncryptionKeys } from '../../src/config/key-encryption-key.ts'

let file: string
let folder: string

beforeEach(async () => {
  folder = join(await mkdtemp(join(process.env['CLAVIGER_TEST_RUN'] ?? tmpdir(), 'kek-')), 'keys')
  file = join(folder, 'kek')
})

const place = (more: { production?: boolean; keyEncryptionKey?: string } = {}) => ({
  keyEncryptionKey: undefined,
  keyEncryptionKeyFile: file,
  production: false,
  ...more,
})

test('outside production the first start creates a key that only its owner can read, and no later start replaces it', async () => {
  expect(await ensureKeyEncryptionKey(place())).toBe(true)
  const text = await readFile(file, 'utf8')
  expect(text).toMatch(/^[\w-]{43}\n$/)
  expect((await stat(file)).mode & 0o777).toBe(0o600)
  expect(await ensureKeyEncryptionKey(place())).toBe(false)
  expect(await readFile(file, 'utf8')).toBe(text)
  expect(await readKeyEncryptionKeys(place())).toEqual([Buffer.from(text, 'base64url')])
})

test('processes that start at the same time use one key', async () => {
  const made = await Promise.all(Array.from({ length: 8 }, () => ensureKeyEncryptionKey(place())))
  expect(made.filter(Boolean)).toHaveLength(1)
  expect(await readdir(folder)).toEqual(['kek'])
})

test('in production no key is created: a missing key is a Failure that names the variable', async () => {
  const missing = {
    code: 'key_encryption_key_missing',
    message: expect.stringContaining('CLAVIGER_KEY_ENCRYPTION_KEY'),
  }
  await expect(ensureKeyEncryptionKey(place({ production: true }))).rejects.toMatchObject(missing)
  await expect(readKeyEncryptionKeys(place({ production: true }))).rejects.toMatchObject(missing)
  await expect(stat(file)).rejects.toMatchObject({ code: 'ENOENT' })
})

test('with a key in the environment, no file is created', async () => {
  const key = Buffer.alloc(32, 7)
  const given = place({ keyEncryptionKey: key.toString('base64url') })
  expect(await ensureKeyEncryptionKey(given)).toBe(false)
  expect(await readKeyEncryptionKeys(given)).toEqual([key])
  await expect(stat(file)).rejects.toMatchObject({ code: 'ENOENT' })
})

test('during a replacement the file has two keys, the new one first, and is read again each time', async () => {
  await ensureKeyEncryptionKey(place())
  const [old] = await readKeyEncryptionKeys(place())
  const fresh = Buffer.alloc(32, 9)
  await writeFile(file, `${fresh.toString('base64url')}\n${await readFile(file, 'utf8')}`)
  expect(await readKeyEncryptionKeys(place())).toEqual([fresh, old])
})

test.each(['', 'short', 'A'.repeat(44), `${'A'.repeat(43)}\nshort`, `${'A'.repeat(42)}!`])(
  'a file without a valid key is named, and its text is not quoted: %j',
  async (text) => {
    await ensureKeyEncryptionKey(place())
    await writeFile(file, text)
    const failed = await readKeyEncryptionKeys(place()).catch((error: unknown) => error as Error)
    expect(failed).toMatchObject({ code: 'key_encryption_key_malformed', message: expect.stringContaining(file) })
  },
)
