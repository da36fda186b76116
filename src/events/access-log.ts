/**
 * One line for each request. The line is built by hand because no other line
 * is as frequent. Routine successes of programs (tokens, keys, health) are
 * counted by the metrics and logged at level `debug` only. Requests of people
 * and failed requests are logged at `info`.
 */
import { isoTimestamp, type Log } from './log.ts'
import { safeText } from './redact.ts'

export interface AnsweredRequest {
  requestId: string
  method: string
  /** Without the query, which may contain codes, states and hints. */
  path: string
  status: number
  milliseconds: number
  /** Client address, as reported by the trusted proxies only. */
  source: string
  /** A program's routine request, logged at `info` only when it fails. */
  routine: boolean
}

export type AccessLog = (request: AnsweredRequest) => void

export function createAccessLog(log: Log): AccessLog {
  const time = isoTimestamp()
  return (request) => {
    const level = request.routine && request.status < 400 ? 'debug' : 'info'
    if (!log.isLevelEnabled(level)) return
    log.writeRaw(
      `{"level":"${level}"${time()},"requestId":${text(request.requestId)},"method":${text(request.method)}` +
        `,"path":${text(request.path)},"status":${Math.trunc(request.status)},"ms":${round(request.milliseconds)}` +
        `,"source":${text(request.source)},"msg":"request"}\n`,
    )
  }
}

// Most values need no escaping; only the others pay for it.
const harmless = /^[\w\-./:~ ]{0,200}$/
const text = (value: string): string =>
  harmless.test(value) && !value.includes('eyJ') ? `"${value}"` : JSON.stringify(safeText(value, 300))
const round = (milliseconds: number): number => Math.round(milliseconds * 100) / 100
