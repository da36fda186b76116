/** A service behind Envoy that knows nothing of us: a token a line in, "ok" or Envoy's refusal out. */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { eventually } from '../../../harness/eventually.ts'
import { freePort } from '../../../harness/free-port.ts'

const [envoy = '', clock = '', jwksUri = '', issuer = '', audience = '', , behind = '0'] = process.argv.slice(2)
const extensions = 'type.googleapis.com/envoy.extensions.filters'

const jwtAuthentication = {
  '@type': `${extensions}.http.jwt_authn.v3.JwtAuthentication`,
  providers: {
    claviger: {
      issuer,
      audiences: [audience],
      remote_jwks: { http_uri: { uri: jwksUri, cluster: 'claviger', timeout: '5s' }, cache_duration: '300s' },
    },
  },
  rules: [{ match: { prefix: '/' }, requires: { provider_name: 'claviger' } }],
}

const connections = (answers: object) => ({
  '@type': `${extensions}.network.http_connection_manager.v3.HttpConnectionManager`,
  stat_prefix: 'service',
  route_config: { virtual_hosts: [{ name: 'service', domains: ['*'], routes: [answers] }] },
  http_filters: [
    { name: 'envoy.filters.http.jwt_authn', typed_config: jwtAuthentication },
    { name: 'envoy.filters.http.router', typed_config: { '@type': `${extensions}.http.router.v3.Router` } },
  ],
})

const socket = (port: number) => ({ address: { socket_address: { address: '127.0.0.1', port_value: port } } })

const configFor = (port: number) => ({
  static_resources: {
    listeners: [
      {
        ...socket(port),
        filter_chains: [
          {
            filters: [
              {
                name: 'envoy.filters.network.http_connection_manager',
                typed_config: connections({ match: { prefix: '/' }, direct_response: { status: 204 } }),
              },
            ],
          },
        ],
      },
    ],
    clusters: [
      {
        name: 'claviger',
        load_assignment: {
          cluster_name: 'claviger',
          endpoints: [{ lb_endpoints: [{ endpoint: socket(Number(new URL(jwksUri).port)) }] }],
        },
      },
    ],
  },
})

const port = await freePort()
const settings = ['--config-yaml', JSON.stringify(configFor(port)), '--use-dynamic-base-id', '--log-level', 'error']
const child = spawn(envoy, [...settings, '--concurrency', '1'], {
  stdio: ['ignore', 'ignore', 'inherit'],
  env: { LD_PRELOAD: clock, CLOCK_BEHIND: behind },
})
process.once('exit', () => child.kill('SIGKILL'))

const ask = (token: string) =>
  fetch(`http://127.0.0.1:${port}/orders`, {
    headers: { authorization: `Bearer ${token}` },
    signal: AbortSignal.timeout(10_000),
  })
await eventually(() => ask('nothing').catch(() => undefined))
for await (const line of createInterface({ input: process.stdin })) {
  const answer = await ask(line.trim())
  process.stdout.write(
    answer.status === 204 ? 'ok\n' : `${answer.status} ${(await answer.text()).replaceAll('\n', ' ')}\n`,
  )
}
process.exit()
