/**
 * Loaded into a server by `--import`: SIGUSR2 starts the CPU profiler, the next
 * SIGUSR2 stops it and writes the file named in the import (`?to=`). So start and
 * warm-up stay outside.
 */
import { renameSync, writeFileSync } from 'node:fs'
import { Session } from 'node:inspector/promises'

const file = String(new URL(import.meta.url).searchParams.get('to'))
const session = new Session()
session.connect()
let isRunning = false

async function toggle(): Promise<void> {
  if (!isRunning) {
    isRunning = true
    await session.post('Profiler.enable')
    await session.post('Profiler.setSamplingInterval', { interval: 200 })
    await session.post('Profiler.start')
    return
  }
  const { profile } = await session.post('Profiler.stop')
  writeFileSync(`${file}.part`, JSON.stringify(profile))
  renameSync(`${file}.part`, file)
}

process.on('SIGUSR2', () => void toggle())
