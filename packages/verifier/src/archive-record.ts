/** One record of the archive: a snapshot in two lines or a frame in one, with the fields that decide if it is kept. */
import { isObject, jsonObject } from './base64url.ts'

export interface ArchiveRecord {
  kind: 'snapshot' | 'frame'
  /** The signed text: frame or manifest. */
  signed: string
  /** The content whose digest is in the manifest. */
  content: Uint8Array
  epoch: string
  /** The highest sequence number in it. */
  to: number
  lines: Uint8Array[]
}

const newline = 10
const decoder = new TextDecoder()

/** Skips broken lines; their content is fetched again. Verifies nothing. */
export function archiveRecords(bytes: Uint8Array): ArchiveRecord[] {
  const lines = linesOf(bytes)
  const records: ArchiveRecord[] = []
  for (let index = 0; index < lines.length; index += 1) {
    const line = lines[index] ?? new Uint8Array()
    // The content of a snapshot is long and is not parsed here.
    const opened = line.length > 512 * 1024 ? undefined : objectIn(line)
    if (typeof opened?.manifest === 'string') {
      const content = lines[index + 1] ?? new Uint8Array()
      const claims = eventIn(opened.manifest)
      const common = { kind: 'snapshot' as const, signed: opened.manifest, content, lines: [line, content] }
      records.push({ ...common, epoch: String(claims.epoch), to: Number(claims.seq) })
      index += 1
    } else if (typeof opened?.frame === 'string') {
      const claims = eventIn(opened.frame)
      const common = { kind: 'frame' as const, signed: opened.frame, content: new Uint8Array(), lines: [line] }
      records.push({ ...common, epoch: String(claims.epoch), to: Number(claims.to) })
    }
  }
  return records
}

/** Does the record revoke any token that could still be valid? */
export function stillMatters({ kind, signed, content }: ArchiveRecord, beforeSeconds: number): boolean {
  const { entries } = kind === 'frame' ? eventIn(signed) : (objectIn(content) ?? {})
  if (!Array.isArray(entries)) return false
  return entries.some((entry) => Array.isArray(entry) && Number(entry[3]) >= beforeSeconds)
}

function linesOf(bytes: Uint8Array): Uint8Array[] {
  const lines: Uint8Array[] = []
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf(newline, at)
    // A last line without a newline was cut off by a crash.
    if (end < 0) break
    lines.push(bytes.subarray(at, end))
    at = end + 1
  }
  return lines
}

function objectIn(line: Uint8Array): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(decoder.decode(line))
    return isObject(value) ? value : undefined
  } catch {
    return undefined // a broken line: its content is fetched again
  }
}

function eventIn(jws: string): Record<string, unknown> {
  const { events } = jsonObject(jws.split('.')[1] ?? '') ?? {}
  const [event] = isObject(events) ? Object.values(events) : []
  return isObject(event) ? event : {}
}
