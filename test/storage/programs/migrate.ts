/** Migrates the database given as soon as a line comes, and prints how many migrations that took. */
import { once } from 'node:events'
import { migrate } from '../../../src/storage/schema/migrations.ts'

process.stdout.write('ready\n')
await once(process.stdin, 'data')
const applied = await migrate({ url: process.argv[2] ?? '' })
process.stdout.write(`${applied.length}\n`)
process.exit(0)
