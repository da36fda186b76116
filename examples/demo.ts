/**
 * `npm run demo`: the provider, a single-page app and an API, and someone to sign in as. The app and the API listen on
 * the two ports after the issuer's. Ctrl-C stops everything. `npm run demo -- --cookie` has the app's refresh token in
 * a cookie that no script can read.
 */
import { parseArgs } from 'node:util'
import { startApi } from './api/server.ts'
import { startProvider } from './demo/provider.ts'
import { clientId, type DemoAddresses, type DemoPerson, register } from './demo/registration.ts'
import { startSpa } from './spa/server.ts'

const say = (text: string) => process.stdout.write(text)

function addresses(): DemoAddresses {
  const issuer = process.env['CLAVIGER_ISSUER'] ?? 'http://localhost:9400'
  const port = Number(new URL(issuer).port || 80)
  return { issuer, spa: `http://localhost:${port + 1}`, api: `http://localhost:${port + 2}` }
}

const portOf = (url: string) => Number(new URL(url).port)

function welcome({ issuer, spa, api }: DemoAddresses, { email, password }: DemoPerson): string {
  return `
  The demo is running.

    Open       ${spa}
    Sign in    ${email}
    Password   ${password}

    Provider   ${issuer}
    Discovery  ${issuer}/.well-known/openid-configuration
    API        ${api}/orders

  Ctrl-C stops everything.

`
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { cookie: { type: 'boolean', default: false } } })
  const refreshDelivery = values.cookie ? 'cookie' : 'body'
  const where = addresses()
  const { issuer, spa: spaUrl, api: apiUrl } = where
  // Heard from the first moment on: a demo that is interrupted while it starts leaves nothing running.
  const interrupted = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => resolve())
  })
  say('Starting the provider …\n')
  const provider = await startProvider(issuer, process.env)
  const stops = [provider.stop]
  try {
    say('Registering the app, the API and a person …\n')
    const person = await register({ ...where, refreshDelivery }, process.env)
    const api = await startApi({ port: portOf(apiUrl), issuer, audience: apiUrl, spaOrigin: spaUrl })
    stops.unshift(api.stop)
    const spa = await startSpa({ port: portOf(spaUrl), issuer, clientId, apiUrl, refreshDelivery })
    stops.unshift(spa.stop)
    say(welcome(where, person))
    await Promise.race([interrupted, provider.gone])
    say('\nStopping …\n')
  } finally {
    for (const stop of stops) await stop()
  }
}

main().catch((error: Error) => {
  process.stderr.write(`${error.message}\n`)
  process.exitCode = 1
})
