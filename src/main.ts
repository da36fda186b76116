#!/usr/bin/env node
/** The program. Each command loads only the code that it needs; only `start` loads the server. */
import cluster from 'node:cluster'
import { existsSync } from 'node:fs'
import { enableCompileCache, flushCompileCache } from 'node:module'
import { join } from 'node:path'
import { loadEnvFile } from 'node:process'

// The compile cache halves the work of a start and saves the compiler's memory. It is stored in `node_modules`: a user
// who may write there can change the program anyway. If the folder is not writable, each start compiles again.
const packages = join(import.meta.dirname, '../node_modules')
if (existsSync(packages)) enableCompileCache(join(packages, '.cache/claviger'))
const { runCli } = await import('./cli/cli.ts')

// Variables of the environment override those of `.env`.
if (existsSync('.env')) loadEnvFile('.env')

const readerGone = new AbortController()
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // `claviger users list | head` closes the pipe early, which is no error.
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
    // Node writes the cache when a process exits normally, but a server may be killed.
    flushCompileCache()
    return serve(env, options)
  },
  serveSigner: async (env, options) => (await import('./deployment/signer.ts')).serveSigner(env, options),
})
