import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from '@jest/globals'
import { openDesk } from '../../src/desk/desk.ts'
import { freshDatabase } from '../harness/database.ts'
import { run } from './run-in-process.ts'
import { StandInDesk } from './stand-in-desk.ts'
import { expectStep, readTranscript } from './transcript.ts'

const folder = import.meta.dirname
const sessions = readdirSync(folder)
  .filter((file) => file.endsWith('.transcript'))
  .map((file) => ({ file, text: readFileSync(join(folder, file), 'utf8') }))
const realSessions = sessions.filter(({ text }) => !text.startsWith('# stand-in only'))

describe('a transcript of the command line', () => {
  test.each(sessions)('in $file matches when a stand-in node confirms revocations', async ({ text }) => {
    const desk = new StandInDesk()
    for (const step of readTranscript(text, 'confirming'))
      expectStep(step, await run(step.argv, { desk, stdin: step.stdin }))
  })

  test.each(realSessions)('in $file matches on a real database without a running node', async ({ text }) => {
    const { url } = await freshDatabase()
    const env = { DATABASE_URL: url, CLAVIGER_KEY_ENCRYPTION_KEY: Buffer.alloc(32, 7).toString('base64url') }
    for (const step of readTranscript(text, 'none')) {
      // `config show` prints where the database is, so it runs on the stand-in.
      const more = step.argv[0] === 'config' ? {} : { openDesk: () => openDesk(env), now: () => new Date() }
      expectStep(step, await run(step.argv, { desk: new StandInDesk(), stdin: step.stdin, more }))
    }
  })
})
