/** An event kind without a production caller would promise an audit entry that never comes. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { eventKinds } from '../../src/events/event-kinds.ts'

const source = join(import.meta.dirname, '../../src')
const migrations = join(import.meta.dirname, '../../db/migrations')

const read = (folder: string, ending: string) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith(ending) && !file.endsWith('event-kinds.ts'))
    .map((file) => readFileSync(join(folder, file), 'utf8'))
    .join('\n')

// The database records replays itself.
const code = read(source, '.ts') + read(migrations, '.sql')

test.each(Object.keys(eventKinds))('the audit log kind %s is recorded by production code', (kind) => {
  const [noun] = kind.split('.')
  // A stream's kinds are put together: `stream.${kind}`.
  expect(code.includes(`'${kind}'`) || code.includes(`\`${noun}.\${`)).toBe(true)
})
