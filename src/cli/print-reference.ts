/** `npm run docs:cli`: writes docs/cli.md from the commands. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { cliReference } from './reference.ts'

writeFileSync(join(import.meta.dirname, '../../docs/cli.md'), await cliReference())
