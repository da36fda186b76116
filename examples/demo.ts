/**
 * `npm run demo`: a provider, a single-page app, an API, three services that verify tokens offline, and a person to
 * sign in as. It joins the provider that runs already, or starts one. Everything else listens on the ports after the
 * issuer's. `npm run demo -- --cookie` keeps the app's refresh token in a cookie that no script can read.
 */
import { existsSync } from 'node:fs'
import { loadEnvFile } from 'node:process'
import { parseArgs } from 'node:util'
import { startApi } from './api/server.ts'
import { mustClaviger } from './demo/command.ts'
import { refuseTakenPorts } from './demo/free-ports.ts'
import { joinOrStartProvider } from './demo/provider.ts'
import { clientId, type DemoAddresses, type DemoPerson, register, registerServices } from './demo/registration.ts'
import { startServices } from './demo/services.ts'
import { startSpa } from './spa/server.ts'

const serviceNames = ['Billing', 'Shipping', 'Reports']

interface Addresses extends DemoAddresses {
  services: string[]
}

function addresses(): Addresses {
  const issuer = process.env['CLAVIGER_ISSUER'] ?? 'http://localhost:9400'
  const first = Number(new URL(issuer).port || 80)
  const at = (offset: number) => `http://localhost:${first + offset}`
  return { issuer, spa: at(1), api: at(2), services: serviceNames.map((_, index) => at(3 + index)) }
}

const portOf = (url: string) => Number(new URL(url).port)

const welcome = ({ issuer, spa, api }: Addresses, { email, password }: DemoPerson, joined: boolean): string => `
  The demo is running${joined ? ' beside the provider that ran already' : ''}.

    Open       ${spa}
    Sign in    ${email}
    Password   ${password}

    There, press "Revoke this token" and watch three services refuse it.

    Provider   ${issuer}
    Discovery  ${issuer}/.well-known/openid-configuration
    API        ${api}/orders

  Ctrl-C stops ${joined ? 'the demo; the provider goes on' : 'everything'}.

`

const stageOf = ({ services, api }: Addresses) => ({
  services: [
    ...services.map((url, index) => ({ name: serviceNames[index] ?? url, url: `${url}/check`, follows: true })),
    // It checks signature and expiry alone, so it accepts a revoked token until that expires.
    { name: 'No feed', url: `${api}/orders`, follows: false },
  ],
  rotateKeys: keyRotation(),
})

/** A library that only caches the key set fetches it for an unknown key, but not twice in half a minute (jose). */
const publishLeadMs = 35_000

/** Rotates at once, but never to a key that was published just before. */
function keyRotation(): () => Promise<void> {
  let publishedAt = Number.NEGATIVE_INFINITY
  return async () => {
    const waitMs = publishedAt + publishLeadMs - performance.now()
    if (waitMs > 0) {
      throw new Error(
        `The next key was published moments ago, and not every service has fetched it. Press again in ${Math.ceil(waitMs / 1_000)} s. In production the lead is a day.`,
      )
    }
    await mustClaviger(['keys', 'rotate', '--alg', 'ES256', '--now'], process.env)
    publishedAt = performance.now()
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { cookie: { type: 'boolean', default: false } } })
  const refreshDelivery = values.cookie ? 'cookie' : 'body'
  // What the environment says already wins, as for the provider.
  if (existsSync('.env')) loadEnvFile('.env')
  const where = addresses()
  const { issuer, spa: spaUrl, api: apiUrl, services } = where
  // Listened to from the first moment on: a demo that is interrupted while it starts leaves nothing running.
  const interrupted = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => resolve())
  })
  await refuseTakenPorts([spaUrl, apiUrl, ...services].map(portOf))
  process.stdout.write('Looking for a provider, or starting one …\n')
  const provider = await joinOrStartProvider(issuer, process.env)
  const stops: (() => Promise<void>)[] = [provider.stop]
  try {
    process.stdout.write('Registering the app, the API, the services and a person …\n')
    const person = await register({ ...where, refreshDelivery }, process.env)
    const credentials = await registerServices(where, process.env)
    const api = await startApi({ port: portOf(apiUrl), issuer, audience: apiUrl, spaOrigin: spaUrl })
    stops.unshift(api.stop)
    const running = await startServices(services, where, credentials)
    stops.unshift(running.stop)
    const spa = await startSpa({
      port: portOf(spaUrl),
      issuer,
      clientId,
      apiUrl,
      refreshDelivery,
      stage: stageOf(where),
    })
    stops.unshift(spa.stop)
    process.stdout.write(welcome(where, person, provider.joined))
    await Promise.race([interrupted, provider.gone])
    process.stdout.write('\nStopping …\n')
  } finally {
    for (const stop of stops) await stop()
  }
}

main().catch((error: Error) => {
  process.stderr.write(`${error.message}\n`)
  process.exitCode = 1
})
