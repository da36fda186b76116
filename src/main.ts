#!/usr/bin/env node
/** The program. Everything it does is a command, and loads only what it needs: a command opens a desk, `start` the whole house. */
import cluster from 'node:cluster'
import { existsSync } from 'node:fs'
import { enableCompileCache, flushCompileCache } from 'node:module'
import { join } from 'node:path'
import { loadEnvFile } from 'node:process'

// Saves half the work of a start and the memory of the compiler. Kept among the packages: who may write there may
// change the program anyway; where nobody may, each start compiles anew.
const packages = join(import.meta.dirname, '../node_modules')
if (existsSync(packages)) enableCompileCache(join(packages, '.cache/claviger'))
const { runCli } = await import('./cli/cli.ts')

// What the environment says already wins.
if (existsSync('.env')) loadEnvFile('.env')

const readerGone = new AbortController()
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // `claviger users list | head`: what is left has no reader, and that is no fault.
  if (error.code !== 'EPIPE') throw error
  readerGone.abort()
})

process.exitCode = await runCli(process.argv.slice(2), {
  env: process.env,
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  script: process.argv[1],
  readerGone: readerGone.signal,
  isWorker: cluster.isWorker,
  openDesk: async (env) => (await import('./desk/desk.ts')).openDesk(env),
  serve: async (env, options) => {
    const { serve } = await import('./node/serve.ts')
    // Node writes it when a process ends by itself; a server may be ended otherwise.
    flushCompileCache()
    return serve(env, options)
  },
  serveSigner: async (env, options) => (await import('./deployment/signer.ts')).serveSigner(env, options),
})
