/**
 * One line for each request, built by hand because it is the most frequent
 * line of all. Programs' routine successes (tokens, keys, health) are counted
 * by the metrics and appear at level `debug` only; whatever a person did, and
 * whatever failed, appears at `info`.
 */
import { isoTimestamp, type Log } from './log.ts'
import { safeText } from './redact.ts'

export interface AnsweredRequest {
  requestId: string
  method: string
  /** Without the query: codes, states and hints travel there. */
  path: string
  status: number
  milliseconds: number
  /** Client address as far as it is trusted. */
  source: string
  /** A program's routine request: worth a line only when it fails or somebody debugs. */
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

// Most of what stands here is harmless; only the rest pays for escaping.
const harmless = /^[\w\-./:~ ]{0,200}$/
const text = (value: string): string =>
  harmless.test(value) && !value.includes('eyJ') ? `"${value}"` : JSON.stringify(safeText(value, 300))
const round = (milliseconds: number): number => Math.round(milliseconds * 100) / 100
