/** docker-compose.yml as Docker Compose itself understands it, where that is installed; no engine is asked. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'

interface Service {
  read_only?: boolean
  cap_drop?: string[]
  environment?: Record<string, string | null>
  ports?: { host_ip?: string }[]
}

const root = join(import.meta.dirname, '../../..')
const programs = [['docker', 'compose'], ['docker-compose']] as const
const compose = programs.find(([program, ...args]) => spawnSync(program, [...args, 'version']).status === 0)
const where = compose ? test : test.skip
const why = compose ? '' : ' (skipped: there is no Docker Compose here)'

function services(): Record<string, Service> {
  const [program = '', ...args] = compose ?? []
  const { status, stdout, stderr } = spawnSync(program, [...args, 'config', '--format', 'json'], {
    cwd: root,
    encoding: 'utf8',
  })
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  return (JSON.parse(stdout) as { services: Record<string, Service> }).services
}

where(`the file passes Docker Compose, which sees the provider confined and every port on the loopback${why}`, () => {
  const all = services()
  expect(Object.keys(all)).toEqual(expect.arrayContaining(['postgres', 'migrate', 'claviger']))
  for (const name of ['migrate', 'claviger']) expect(all[name]).toMatchObject({ read_only: true, cap_drop: ['ALL'] })
  const ports = Object.values(all).flatMap((service) => service.ports ?? [])
  expect(ports.length).toBeGreaterThan(0)
  for (const port of ports) expect(port.host_ip).toBe('127.0.0.1')
})

where(`no secret stands in the environment of any service, only where it is kept${why}`, () => {
  const secrets = Object.values(services())
    .flatMap(({ environment = {} }) => Object.entries(environment))
    .filter(([name]) => /KEY|SECRET|PASSWORD|DATABASE_URL/.test(name))
  expect(secrets.length).toBeGreaterThan(0)
  for (const [name, value] of secrets) {
    expect(name).toMatch(/_FILE$/)
    expect(value).toMatch(/^\/run\/claviger\//)
  }
})
