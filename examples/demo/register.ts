/** Registers the demo with a provider that runs elsewhere, as `docker compose up` does, and prints who may sign in. */
import { register } from './registration.ts'

const { env } = process
const person = await register(
  {
    issuer: env['CLAVIGER_ISSUER'] ?? 'http://localhost:9400',
    spa: env['SPA_URL'] ?? 'http://localhost:9401',
    api: env['API_URL'] ?? 'http://localhost:9402',
    refreshDelivery: env['REFRESH_DELIVERY'] === 'cookie' ? 'cookie' : 'body',
  },
  env,
)
process.stdout.write(`Sign in as ${person.email} with the password ${person.password}\n`)
