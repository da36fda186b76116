/**
 * Stores received snapshots and frames on disk with their signatures. A restart
 * during an outage then knows earlier revocations. The file is verified like the
 * feed itself, so a changed file gains an attacker nothing.
 */
import { type ArchiveRecord, archiveRecords, stillMatters } from './archive-record.ts'
import { type Frame, isFault, readFrame, type Sender } from './frame.ts'
import type { Freshness } from './freshness.ts'
import type { Platform } from './platform.ts'
import type { Cursor, RevocationList } from './revocation-list.ts'
import { SnapshotRefused, takeSnapshot } from './snapshot.ts'
import type { Telemetry } from './telemetry.ts'

export interface Restoring {
  list: RevocationList
  freshness: Freshness
  sender: Sender
  platform: Platform
}

/** Node's file functions, or a stand-in. */
export interface ArchiveFiles {
  readFile(path: string): Promise<Uint8Array>
  writeFile(path: string, data: Uint8Array | string, options: { mode: number }): Promise<unknown>
  appendFile(path: string, data: string, options: { mode: number }): Promise<unknown>
  rename(from: string, to: string): Promise<unknown>
}

const ownerOnly = { mode: 0o600 }
/** Interval at which the newest heartbeat is stored. It shows up to when the stored feed is complete. */
const heartbeatSeconds = 5
const smallestGrowth = 4 * 1024 * 1024

export class FeedArchive {
  readonly #path: string
  readonly #files: ArchiveFiles
  readonly #telemetry: Telemetry
  #writing: Promise<void> = Promise.resolve()
  #grown = 0
  #snapshotBytes = 0
  #heartbeatAt = 0

  constructor(path: string, files: ArchiveFiles, telemetry: Telemetry) {
    this.#path = path
    this.#files = files
    this.#telemetry = telemetry
  }

  /** True when the file has grown so much that a snapshot should replace it. */
  get wantsSnapshot(): boolean {
    return this.#grown > Math.max(smallestGrowth, this.#snapshotBytes)
  }

  keepFrame(text: string, { iat, from, to }: Frame): void {
    const line = `${JSON.stringify({ frame: text })}\n`
    if (from <= to) {
      this.#grown += line.length
      this.#write(() => this.#files.appendFile(this.#path, line, ownerOnly))
    } else if (iat - this.#heartbeatAt >= heartbeatSeconds) {
      this.#heartbeatAt = iat
      this.#write(() => this.#files.writeFile(this.#heartbeatPath, line, ownerOnly))
    }
  }

  /** Replaces the file by the snapshot, later frames, and unexpired entries of former epochs. */
  keepSnapshot(bytes: Uint8Array, { epoch, seq }: Cursor, forgetBefore: number): void {
    this.#snapshotBytes = bytes.length
    this.#grown = 0
    this.#write(async () => {
      const records = archiveRecords(await this.#read(this.#path))
      const former = records.filter((record) => record.epoch !== epoch && stillMatters(record, forgetBefore))
      const since = records.filter((record) => record.kind === 'frame' && record.epoch === epoch && record.to > seq)
      await this.#files.writeFile(
        `${this.#path}.new`,
        joined([...linesOf(former), bytes, ...linesOf(since)]),
        ownerOnly,
      )
      await this.#files.rename(`${this.#path}.new`, this.#path)
    })
  }

  /** Applies every record with a valid signature. */
  async load({ list, freshness, sender, platform }: Restoring): Promise<void> {
    const kept = await this.#read(this.#path)
    // End a line that a crash cut off, so that the next line stays separate.
    if (kept.length > 0 && kept.at(-1) !== newline[0])
      this.#write(() => this.#files.appendFile(this.#path, '\n', ownerOnly))
    const records = archiveRecords(kept)
    const heartbeats = archiveRecords(await this.#read(this.#heartbeatPath))
    let newest = 0
    for (const record of [...records, ...heartbeats]) {
      const iat = await this.#take(record, { list, freshness, sender, platform })
      if (iat !== undefined) newest = Math.max(newest, iat)
    }
    this.#grown = records.reduce((sum, { kind, signed }) => sum + (kind === 'frame' ? signed.length : 0), 0)
    if (list.hasSnapshot && newest > 0) freshness.remember(newest)
  }

  /** Resolves when every write is on disk. */
  async settled(): Promise<void> {
    await this.#writing
  }

  get #heartbeatPath(): string {
    return `${this.#path}.heartbeat`
  }

  /** Applies a record. Returns its `iat` if the list is complete up to that time. */
  async #take({ kind, signed, content }: ArchiveRecord, restoring: Restoring): Promise<number | undefined> {
    if (kind === 'frame') {
      const frame = await readFrame(signed, restoring.sender)
      return !isFault(frame) && restoring.list.apply(frame) === 'applied' ? frame.iat : undefined
    }
    try {
      return (await takeSnapshot(signed, content, restoring)).iat
    } catch (error) {
      if (!(error instanceof SnapshotRefused)) throw error
      this.#telemetry.emit({ type: 'failure', what: 'persist', error })
      return undefined
    }
  }

  async #read(path: string): Promise<Uint8Array> {
    try {
      return await this.#files.readFile(path)
    } catch (error) {
      if ((error as { code?: string }).code === 'ENOENT') return new Uint8Array()
      throw error
    }
  }

  /** Runs the writes one after the other. A failed write is reported, and the feed continues. */
  #write(step: () => Promise<unknown>): void {
    this.#writing = this.#writing.then(step).then(
      () => undefined,
      (error) => this.#telemetry.emit({ type: 'failure', what: 'persist', error }),
    )
  }
}

const newline = Uint8Array.of(10)

const linesOf = (records: readonly ArchiveRecord[]) =>
  records.flatMap(({ lines }) => lines.flatMap((line) => [line, newline]))

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const piece of pieces) {
    all.set(piece, at)
    at += piece.length
  }
  return all
}
