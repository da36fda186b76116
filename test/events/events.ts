/** Stand-ins for where events go, and a look at what arrived. */
import { createEvents } from '../../src/events/create-events.ts'
import type { AuditEntry } from '../../src/events/events.ts'
import { createLog, type LogLevel } from '../../src/events/log.ts'
import { createMetrics } from '../../src/events/metrics.ts'

export function linesOf(level: LogLevel = 'info') {
  const written: string[] = []
  const log = createLog({ level, stream: { write: (line: string) => void written.push(line) } })
  return { log, written, lines: () => written.map((line) => JSON.parse(line) as Record<string, unknown>) }
}

export function eventsUnderTest() {
  const entries: AuditEntry[] = []
  const { log, written, lines } = linesOf('debug')
  const metrics = createMetrics({ processMetrics: false })
  const events = createEvents({ audit: { write: (entry) => void entries.push(entry) }, log, metrics })
  const count = async (sample: string): Promise<number> => {
    const line = (await metrics.registry.metrics()).split('\n').find((each) => each.startsWith(`${sample} `))
    return Number(line?.slice(sample.length + 1) ?? 0)
  }
  return { events, entries, written, lines, metrics, count }
}
