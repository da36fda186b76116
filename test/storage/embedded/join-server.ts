/** Joins or starts the embedded Postgres in the given folder, prints its URL, and leaves when stdin closes. */
import { joinOrStart } from '../../../src/storage/embedded/embedded-postgres.ts'

const [dataDir = '', role = 'command'] = process.argv.slice(2)
const { url, stop } = await joinOrStart(dataDir, { role: role === 'serve' ? 'serve' : 'command', durable: false })
process.stdout.write(`${url}\n`)
process.stdin.resume().on('end', () => void stop().then(() => process.exit(0)))
