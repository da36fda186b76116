/** The measurements as a table for people. */
import type { LatencyRun, Sample } from './latency.ts'
import type { StreamCost } from './streams.ts'

export const percentile = (values: readonly number[], part: number): number =>
  [...values].sort((one, other) => one - other)[Math.min(values.length - 1, Math.floor(values.length * part))] ?? 0

const ms = (value: number) => `${value.toFixed(0)} ms`.padStart(9)

function row(name: string, samples: readonly Sample[]): string {
  const last = samples.map(({ lastMs }) => lastMs)
  const first = samples.map(({ firstMs }) => firstMs)
  const cells = [percentile(first, 0.5), percentile(last, 0.5), percentile(last, 0.99), Math.max(...last)]
  return `  ${name.padEnd(16)}${String(samples.length).padStart(4)} ${cells.map(ms).join('')}`
}

export function latencyLines(
  { verifiers, processes, samples, nodeCores, verifierCores }: LatencyRun,
  goalMs: number,
): string[] {
  const ways = [...new Set(samples.map(({ kind, by }) => `${kind}, ${by}`))].sort()
  const p99 = percentile(
    samples.map(({ lastMs }) => lastMs),
    0.99,
  )
  return [
    '',
    `${verifiers} verifiers in ${processes} processes: from the write of a revocation until verifiers know`,
    '                    of  first p50  last p50  last p99       max',
    row('all', samples),
    ...ways.map((way) =>
      row(
        way,
        samples.filter(({ kind, by }) => `${kind}, ${by}` === way),
      ),
    ),
    `  cores in use: nodes ${nodeCores.toFixed(2)}, verifiers ${verifierCores.toFixed(2)}; p99 goal ${goalMs} ms ${p99 <= goalMs ? 'reached' : 'MISSED'}`,
  ]
}

export function streamLines({ streams, heartbeatUs, frameUs, bytesEach, opened }: StreamCost): string[] {
  return [
    '',
    `${streams} streams on one node (opened in ${(opened / 1000).toFixed(1)} s)`,
    `  a heartbeat to all: ${(heartbeatUs / 1000).toFixed(1)} ms of CPU, ${(heartbeatUs / streams).toFixed(1)} µs a stream`,
    `  a frame of news to all: ${(frameUs / 1000).toFixed(1)} ms of CPU, ${(frameUs / streams).toFixed(1)} µs a stream`,
    `  resident memory: ${(bytesEach / 1024).toFixed(1)} KiB a stream`,
  ]
}
