/** Runs the example app by itself, as its container does; `npm run demo` starts it without this. */
import { startSpa } from './server.ts'

const { env } = process
const spa = await startSpa({
  port: Number(env['PORT'] ?? 9401),
  host: env['HOST'] ?? '127.0.0.1',
  issuer: env['ISSUER'] ?? 'http://localhost:9400',
  clientId: env['CLIENT_ID'] ?? 'demo-spa',
  apiUrl: env['API_URL'] ?? 'http://localhost:9402',
  refreshDelivery: env['REFRESH_DELIVERY'] === 'cookie' ? 'cookie' : 'body',
})
process.stdout.write(`SPA on ${spa.url}\n`)
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void spa.stop())
