/** Runs the example microservice as a process of its own; the environment says where and for whom. */
import { startService } from './server.ts'

const { env } = process

function required(name: string): string {
  const value = env[name]
  if (!value) throw new Error(`${name} is not set.`)
  return value
}

const service = await startService({
  port: Number(required('PORT')),
  issuer: required('ISSUER'),
  audience: required('AUDIENCE'),
  auth: { clientId: required('CLIENT_ID'), clientSecret: required('CLIENT_SECRET') },
  spaOrigin: required('SPA_ORIGIN'),
})
process.stdout.write(`Service on ${service.url}\n`)
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void service.stop())
