/**
 * Makes the secrets of `docker compose up` once, as files in the folder that is named: the key-encryption key, the
 * password of the database and the URL that carries it. A file that exists is never touched. A real deployment gets
 * these files from its secret store and leaves this program out.
 */
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

const folder = process.argv[2]
if (folder === undefined) throw new Error('Which folder?')

// Readable by the group that every container of the composition runs in, by nobody else.
const mode = 0o440

async function once(name: string, make: () => string): Promise<string> {
  const path = join(folder ?? '', name)
  if (!existsSync(path)) await writeFile(path, make(), { mode })
  return readFile(path, 'utf8')
}

const secret = () => randomBytes(32).toString('base64url')

await once('key-encryption-key', secret)
const password = await once('database-password', secret)
await once('database-url', () => `postgres://claviger:${password}@postgres:5432/claviger`)
