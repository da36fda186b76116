import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from '@jest/globals'
import { run } from './run-in-process.ts'
import { StandInDesk } from './stand-in-desk.ts'
import { expectStep, readTranscript } from './transcript.ts'

const folder = import.meta.dirname

describe('a session at the command line reads as written in', () => {
  test.each(readdirSync(folder).filter((file) => file.endsWith('.transcript')))('%s', async (file) => {
    const desk = new StandInDesk()
    for (const step of readTranscript(readFileSync(join(folder, file), 'utf8'))) {
      expectStep(step, await run(step.argv, { desk, stdin: step.stdin }))
    }
  })
})
