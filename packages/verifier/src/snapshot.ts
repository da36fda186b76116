/** A snapshot: a signed manifest and, in the next line, its content. Loaded in slices, so that a million entries block no request. */
import { fromBase64url, isObject } from './base64url.ts'
import { isEntry, isFault, type Manifest, readManifest, type Sender, type WireEntry } from './frame.ts'
import type { Platform } from './platform.ts'
import type { RevocationList } from './revocation-list.ts'

export class SnapshotRefused extends Error {
  override name = 'SnapshotRefused'
}

/** Entries per slice. */
const sliceEntries = 5_000
const newline = 10

/** The two lines of a snapshot. @throws SnapshotRefused */
export function splitSnapshot(bytes: Uint8Array): { manifest: string; content: Uint8Array } {
  const end = bytes.indexOf(newline)
  const first = parse(new TextDecoder().decode(bytes.subarray(0, Math.max(0, Math.min(end, 64 * 1024)))))
  if (!isObject(first) || typeof first.manifest !== 'string') throw new SnapshotRefused('its manifest is missing')
  const contentEnd = bytes.indexOf(newline, end + 1)
  return { manifest: first.manifest, content: bytes.subarray(end + 1, contentEnd < 0 ? bytes.length : contentEnd) }
}

/** Verifies manifest and digest before it adds entries. @throws SnapshotRefused */
export async function takeSnapshot(
  manifestText: string,
  content: Uint8Array,
  { list, sender, platform }: { list: RevocationList; sender: Sender; platform: Platform },
): Promise<Manifest> {
  const manifest = await readManifest(manifestText, sender)
  if (isFault(manifest)) throw new SnapshotRefused(`its manifest is ${manifest}`)
  const digest = await platform.digest(content)
  const promised = fromBase64url(manifest.sha256)
  if (promised?.length !== 32 || !promised.every((byte, index) => byte === digest[index])) {
    throw new SnapshotRefused('its content does not match the digest in the manifest')
  }
  const { head, slices } = cut(new TextDecoder().decode(content))
  const salt = typeof head.salt === 'string' ? fromBase64url(head.salt) : undefined
  if (!salt?.length || head.epoch !== manifest.epoch || head.seq !== manifest.seq) {
    throw new SnapshotRefused('its content does not match the manifest')
  }
  const taking = list.begin({ salt, epoch: manifest.epoch, seq: manifest.seq }, manifest.count)
  let count = 0
  for (const slice of slices) {
    const entries = slice()
    if (!entries.every(isEntry)) {
      taking.abandon()
      throw new SnapshotRefused('one of its entries is malformed')
    }
    taking.add(entries)
    count += entries.length
    await yieldToOthers()
  }
  if (count !== manifest.count) {
    taking.abandon()
    throw new SnapshotRefused('it does not have as many entries as the manifest says')
  }
  taking.finish()
  return manifest
}

interface Pieces {
  head: Record<string, unknown>
  slices: (() => WireEntry[])[]
}

const opening = '"entries":['

/** Splits the long array between entries, so that it is parsed in slices; an unusual layout is parsed whole. */
function cut(text: string): Pieces {
  const start = text.indexOf(opening) + opening.length
  const end = text.indexOf(']]', start) + 1
  const head = start >= opening.length && end > 0 ? parse(`${text.slice(0, start)}${text.slice(end)}`) : undefined
  if (!isObject(head)) {
    const whole = parse(text)
    if (!isObject(whole) || !Array.isArray(whole.entries)) throw new SnapshotRefused('its content is not a snapshot')
    return { head: whole, slices: [() => whole.entries as WireEntry[]] }
  }
  const slices: Pieces['slices'] = []
  for (let from = start; from < end; ) {
    // An entry has at least 33 characters, so a slice has about `sliceEntries` entries.
    const seam = text.indexOf('],[', from + sliceEntries * 40)
    const to = seam < 0 || seam >= end ? end : seam + 1
    const begin = from
    slices.push(() => parse(`[${text.slice(begin, to)}]`) as WireEntry[])
    from = to + 1
  }
  return { head, slices }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new SnapshotRefused('it is not JSON', { cause })
  }
}

/** Lets waiting tasks run first. */
const yieldToOthers = () =>
  new Promise<void>((resolve) => {
    const { setImmediate } = globalThis as { setImmediate?: (step: () => void) => unknown }
    if (setImmediate) setImmediate(resolve)
    else setTimeout(resolve, 0)
  })
