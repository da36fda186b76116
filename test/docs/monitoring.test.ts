/** The dashboard, the alert rules and docs/monitoring.md name what a node exports, and nothing else. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { freePort } from '../harness/free-port.ts'
import { type Provider, startProvider } from '../harness/server.ts'

const folder = join(import.meta.dirname, '../../docs')
const read = (file: string) => readFileSync(join(folder, file), 'utf8')
const page = read('monitoring.md')
const alerts = read('monitoring/alerts.yml')
const dashboard = JSON.parse(read('monitoring/grafana-dashboard.json')) as { panels: Panel[] }
const promtool = '/usr/bin/promtool'
const hasPromtool = spawnSync(promtool, ['--version']).status === 0

interface Panel {
  title: string
  targets?: { expr: string }[]
}

let provider: Provider
/** Metric names as Prometheus stores them, the parts of a histogram included. */
const exported = new Map<string, string>()

beforeAll(async () => {
  const port = await freePort()
  provider = await startProvider({ env: { CLAVIGER_MANAGEMENT_PORT: String(port) } })
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
  for (const [, name = '', help = ''] of text.matchAll(/^# HELP (\S+) (.*)$/gm)) {
    for (const part of ['', '_bucket', '_sum', '_count']) exported.set(`${name}${part}`, help)
  }
}, 60_000)

afterAll(async () => {
  await provider?.stop()
})

const metricsIn = (text: string) => [...new Set(text.match(/\b(?:claviger|process|nodejs)_[a-z0-9_]+/g) ?? [])]

describe('a node exports', () => {
  test('every metric that the dashboard draws', () => {
    const drawn = dashboard.panels.flatMap(({ targets = [] }) => targets.flatMap(({ expr }) => metricsIn(expr)))
    expect(drawn.length).toBeGreaterThan(20)
    expect(drawn.filter((name) => !exported.has(name))).toEqual([])
  })

  test('every metric that the alert rules ask for', () => {
    const asked = metricsIn(alerts)
    expect(asked.length).toBeGreaterThan(8)
    expect(asked.filter((name) => !exported.has(name))).toEqual([])
  })
})

test('docs/monitoring.md lists every metric of Claviger with its help text', () => {
  const rows = [...page.matchAll(/^\| `(claviger_\w+)` \| (.*) \|$/gm)].map(([, name = '', help = '']) => [name, help])
  const own = [...exported].filter(([name]) => name.startsWith('claviger_') && !/_(bucket|sum|count)$/.test(name))
  expect(rows.sort()).toEqual(own.sort())
})

test('docs/monitoring.md explains every alert rule', () => {
  const rules = [...alerts.matchAll(/- alert: (\w+)/g)].map(([, name = '']) => name)
  const explained = [...page.matchAll(/^\| `(Claviger\w+)` \|/gm)].map(([, name = '']) => name)
  expect(explained.sort()).toEqual(rules.sort())
})

;(hasPromtool ? test : test.skip)('promtool accepts the alert rules', () => {
  const { status, stderr } = spawnSync(promtool, ['check', 'rules', join(folder, 'monitoring/alerts.yml')], {
    encoding: 'utf8',
  })
  expect(stderr).toBe('')
  expect(status).toBe(0)
})
