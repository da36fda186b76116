#!/usr/bin/env node
/** The program. Everything it does is a command; the roof is loaded only by those that need it. */
import { runCli } from './cli/cli.ts'

process.exitCode = await runCli(process.argv.slice(2), {
  env: process.env,
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  script: process.argv[1],
  openDesk: async (env) => (await import('./compose.ts')).openDesk(env),
  serve: async (env, options) => (await import('./compose.ts')).serve(env, options),
})
