/** One thing that the archive holds: a snapshot in two lines or a frame in one, with what must be known of it to keep or drop it. */
import { isObject, jsonObject } from './base64url.ts'

export interface ArchiveRecord {
  kind: 'snapshot' | 'frame'
  /** The signed text: frame or manifest. */
  signed: string
  /** What the manifest vouches for. */
  content: Uint8Array
  epoch: string
  /** Up to where it tells. */
  to: number
  lines: Uint8Array[]
}

const newline = 10
const decoder = new TextDecoder()

/** Broken lines are passed over: what they held is fetched again. Nothing here is verified yet. */
export function archiveRecords(bytes: Uint8Array): ArchiveRecord[] {
  const lines = linesOf(bytes)
  const records: ArchiveRecord[] = []
  for (let index = 0; index < lines.length; index += 1) {
    const line = lines[index] ?? new Uint8Array()
    // The contents of snapshots are long, and not opened here.
    const opened = line.length > 512 * 1024 ? undefined : objectIn(line)
    if (typeof opened?.manifest === 'string') {
      const content = lines[index + 1] ?? new Uint8Array()
      const told = eventIn(opened.manifest)
      const common = { kind: 'snapshot' as const, signed: opened.manifest, content, lines: [line, content] }
      records.push({ ...common, epoch: String(told.epoch), to: Number(told.seq) })
      index += 1
    } else if (typeof opened?.frame === 'string') {
      const told = eventIn(opened.frame)
      const common = { kind: 'frame' as const, signed: opened.frame, content: new Uint8Array(), lines: [line] }
      records.push({ ...common, epoch: String(told.epoch), to: Number(told.to) })
    }
  }
  return records
}

/** Does it tell of anything that could still be valid? */
export function stillMatters({ kind, signed, content }: ArchiveRecord, beforeSeconds: number): boolean {
  const { entries } = kind === 'frame' ? eventIn(signed) : (objectIn(content) ?? {})
  if (!Array.isArray(entries)) return false
  return entries.some((entry) => Array.isArray(entry) && Number(entry[3]) >= beforeSeconds)
}

function linesOf(bytes: Uint8Array): Uint8Array[] {
  const lines: Uint8Array[] = []
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf(newline, at)
    // Without its end, the last line is what a crash left of it.
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
    return undefined // a broken line; what it held is fetched again
  }
}

function eventIn(jws: string): Record<string, unknown> {
  const { events } = jsonObject(jws.split('.')[1] ?? '') ?? {}
  const [event] = isObject(events) ? Object.values(events) : []
  return isObject(event) ? event : {}
}
