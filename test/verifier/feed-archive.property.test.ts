/** Whatever was heard, in whatever order, and wherever a crash cut the file off: a restart knows all that was whole on the disk. */
import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { systemClock } from '../../packages/verifier/src/clock.ts'
import { type ArchiveFiles, FeedArchive } from '../../packages/verifier/src/feed-archive.ts'
import { FeedKeys } from '../../packages/verifier/src/feed-keys.ts'
import { readFrame, type Sender, type WireEntry } from '../../packages/verifier/src/frame.ts'
import { Freshness } from '../../packages/verifier/src/freshness.ts'
import { marksOf, revokedBy } from '../../packages/verifier/src/marks.ts'
import { findPlatform } from '../../packages/verifier/src/platform.ts'
import { RevocationList } from '../../packages/verifier/src/revocation-list.ts'
import { splitSnapshot, takeSnapshot } from '../../packages/verifier/src/snapshot.ts'
import { Telemetry } from '../../packages/verifier/src/telemetry.ts'
import { StandInIssuer } from './stand-in-issuer.ts'
import { testClock } from './test-clock.ts'

const platform = await findPlatform()

/** A disk in memory. */
class Disk implements ArchiveFiles {
  readonly files = new Map<string, Buffer>()

  async readFile(path: string): Promise<Uint8Array> {
    const found = this.files.get(path)
    if (!found) throw Object.assign(new Error('no such file'), { code: 'ENOENT' })
    return found
  }
  async writeFile(path: string, data: Uint8Array | string): Promise<void> {
    this.files.set(path, Buffer.from(data as Uint8Array))
  }
  async appendFile(path: string, data: string): Promise<void> {
    this.files.set(path, Buffer.concat([this.files.get(path) ?? Buffer.alloc(0), Buffer.from(data)]))
  }
  async rename(from: string, to: string): Promise<void> {
    this.files.set(to, this.files.get(from) ?? Buffer.alloc(0))
    this.files.delete(from)
  }
}

function newRun(disk: Disk, issuer: StandInIssuer) {
  const freshness = new Freshness(systemClock, 300_000)
  const list = new RevocationList(freshness, 10_000, () => undefined)
  const keys = new FeedKeys({ pinned: [issuer.feedKey.jwk], published: async () => [], platform, clock: systemClock })
  const sender: Sender = { issuer: issuer.issuer, feed: issuer.feed, keys }
  return { freshness, list, sender, platform, archive: new FeedArchive('feed', disk, new Telemetry([])) }
}

type Run = ReturnType<typeof newRun>

const knows = async ({ list }: Run, sub: string): Promise<boolean> =>
  revokedBy(await marksOf({ sub, iat: 1 }, 'kid', list.salts, platform), list.revoked) !== undefined

async function hearSnapshot(run: Run, issuer: StandInIssuer): Promise<void> {
  const bytes = Buffer.from(await issuer.snapshot())
  const { manifest, content } = splitSnapshot(bytes)
  const { epoch, seq } = await takeSnapshot(manifest, content, run)
  run.archive.keepSnapshot(bytes, { epoch, seq }, run.freshness.forgetBefore)
}

async function hearFrame(run: Run, text: string): Promise<void> {
  const frame = await readFrame(text, run.sender)
  if (typeof frame === 'string') throw new Error(frame)
  run.list.apply(frame)
  run.archive.keepFrame(text, frame)
}

const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ what: fc.constant('revoke' as const), count: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('snapshot' as const) }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('epoch' as const) }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('restart' as const) }) },
  // A frame of which a crash leaves a part on the disk.
  {
    weight: 2,
    arbitrary: fc.record({ what: fc.constant('crash' as const), kept: fc.double({ min: 0, max: 0.99, noNaN: true }) }),
  },
)

test('a restart knows exactly the revocations that were completely written to disk', async () => {
  const issuer = await StandInIssuer.start(testClock())
  await issuer.stop()
  let made = 0
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
      const disk = new Disk()
      const heard: string[] = []
      issuer.log = []
      issuer.epoch = crypto.randomUUID()
      let run = newRun(disk, issuer)
      await hearSnapshot(run, issuer)
      const revoke = (count: number): Promise<string> => {
        const from = issuer.log.length + 1
        const entries = Array.from({ length: count }, (): WireEntry => {
          made += 1
          return [4, issuer.keyOf(4, `acc_${made}`), null, issuer.nowSeconds + 600]
        })
        issuer.log.push(...entries)
        return issuer.frame(from, issuer.log.length, entries)
      }
      const restart = async () => {
        await run.archive.settled()
        run = newRun(disk, issuer)
        await run.archive.load(run)
        for (const sub of heard) expect([sub, await knows(run, sub)]).toEqual([sub, true])
        expect(run.list.revoked.size).toBe(heard.length)
        expect(await knows(run, 'nobody')).toBe(false)
      }
      for (const one of steps) {
        if (one.what === 'revoke') {
          const before = made
          await hearFrame(run, await revoke(one.count))
          for (let number = before + 1; number <= made; number += 1) heard.push(`acc_${number}`)
        } else if (one.what === 'snapshot') await hearSnapshot(run, issuer)
        else if (one.what === 'epoch') {
          // A database that was replaced knows nothing; what was heard of the former one is kept.
          issuer.epoch = crypto.randomUUID()
          issuer.log = []
          await hearSnapshot(run, issuer)
        } else {
          await run.archive.settled()
          const torn = one.what === 'crash' ? await revoke(1) : undefined
          if (one.what === 'crash') {
            const line = Buffer.from(`${JSON.stringify({ frame: torn })}\n`)
            await disk.appendFile('feed', line.subarray(0, Math.floor(line.length * one.kept)).toString())
          }
          await restart()
          // It comes back to the feed from its cursor, and is told again what it lost.
          if (torn !== undefined) {
            await hearFrame(run, torn)
            heard.push(`acc_${made}`)
          }
        }
      }
      await restart()
    }),
    { numRuns: 60 },
  )
}, 120_000)
