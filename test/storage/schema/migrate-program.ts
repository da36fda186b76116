/** Migrates the given database when a line arrives on stdin, and prints the number of applied migrations. */
import { once } from 'node:events'
import { migrate } from '../../../src/storage/schema/migrations.ts'

process.stdout.write('ready\n')
await once(process.stdin, 'data')
const applied = await migrate({ url: process.argv[2] ?? '' })
process.stdout.write(`${applied.length}\n`)
process.exit(0)
