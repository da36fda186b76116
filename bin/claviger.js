#!/usr/bin/env node
/**
 * Starts the program, or prints which Node it needs. Plain JavaScript, so that old releases of Node can parse it: the
 * program itself would fail on them with a syntax error.
 */
import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const oldestMajor = 24
const root = join(dirname(fileURLToPath(import.meta.url)), '..')
// A checkout has the source, which Node runs directly. The package has the compiled program.
const source = join(root, 'src/main.ts')
const program = existsSync(source) ? source : join(root, 'dist/main.js')
const majorOf = (version) => Number(version.split('.')[0])

if (majorOf(process.versions.node) >= oldestMajor) {
  process.argv[1] = program
  await import(program)
} else {
  const beside = nodeBeside()
  if (beside === undefined) {
    process.stderr.write(
      `claviger: Claviger needs Node ${oldestMajor} or newer, and this is Node ${process.versions.node}; install Node ${oldestMajor}, or begin the command with 'npx --yes --package=node@${oldestMajor}'.\n`,
    )
    process.exitCode = 1
  } else runWith(beside)
}

/** The binary of the npm package `node`, if it is installed and new enough. */
function nodeBeside() {
  try {
    const description = createRequire(import.meta.url).resolve('node/package.json')
    const binary = join(dirname(description), 'bin/node')
    const { version } = JSON.parse(readFileSync(description, 'utf8'))
    return majorOf(version) >= oldestMajor && existsSync(binary) ? binary : undefined
  } catch {
    return undefined // the package is not installed
  }
}

function runWith(binary) {
  const child = spawn(binary, [program, ...process.argv.slice(2)], { stdio: 'inherit' })
  // A terminal sends SIGINT and SIGHUP to both processes itself.
  const forwarded = process.stdin.isTTY ? ['SIGTERM'] : ['SIGTERM', 'SIGINT', 'SIGHUP']
  for (const signal of forwarded) process.on(signal, () => child.kill(signal))
  if (process.stdin.isTTY) process.on('SIGINT', () => {})
  child.on('error', (error) => {
    process.stderr.write(`claviger: ${binary} cannot be run (${error.code}); install Node ${oldestMajor} or newer.\n`)
    process.exitCode = 1
  })
  child.on('exit', (code, signal) => {
    if (signal === null) process.exitCode = code
    else {
      process.removeAllListeners(signal)
      process.kill(process.pid, signal)
    }
  })
}
