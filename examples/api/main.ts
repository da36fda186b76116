/** Runs the example API by itself, as its container does; `npm run demo` starts it without this. */
import { startApi } from './server.ts'

const { env } = process
const api = await startApi({
  port: Number(env['PORT'] ?? 9402),
  host: env['HOST'] ?? '127.0.0.1',
  issuer: env['ISSUER'] ?? 'http://localhost:9400',
  audience: env['AUDIENCE'] ?? 'http://localhost:9402',
  spaOrigin: env['SPA_ORIGIN'] ?? 'http://localhost:9401',
})
process.stdout.write(`API on ${api.url}\n`)
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void api.stop())
