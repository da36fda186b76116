/** Program: many verifiers in one process, as a fleet of services is, told by its parent what to look at. */
import { join } from 'node:path'
import { createVerifier, type Verifier } from '../../packages/verifier/src/verifier.ts'
import { reachingNodes } from './node-paths.ts'
import type { FleetReport, FleetWord, VerifierSettings } from './verifier-fleet.ts'
import { watchInvariants } from './verifier-invariants.ts'

const settings = JSON.parse(process.argv[2] ?? '{}') as VerifierSettings
const tell = (report: FleetReport) => process.send?.(report)

const verifiers: Verifier[] = []
const invariants = watchInvariants(verifiers)

function make(index: number): Promise<Verifier> {
  const { issuer, audience, auth, pinned, ports, persist, maxStaleMs } = settings
  return createVerifier({
    issuer,
    audience,
    fetch: reachingNodes(ports, settings.first + index),
    revocation: {
      auth,
      pinnedFeedKeys: pinned,
      ...(maxStaleMs === undefined ? {} : { maxStaleMs }),
      ...(persist === undefined ? {} : { persist: join(persist, `${settings.first + index}`) }),
    },
  })
}

/** Tells when the last of them knows that the token is void. */
async function watch(token: string): Promise<void> {
  let left = verifiers.length
  let firstAt = 0
  await Promise.all(
    verifiers.map(async (verifier) => {
      const verdict = await verifier.verify({ authorization: `Bearer ${token}` })
      if (!verdict.ok) return tell({ what: 'refused-early', token, reason: verdict.reason })
      verifier.watch(token, (reason) => {
        if (reason !== 'revoked') return tell({ what: 'refused-early', token, reason })
        left -= 1
        firstAt ||= Date.now()
        if (left === 0) tell({ what: 'applied', token, firstAt, lastAt: Date.now() })
      })
    }),
  )
}

async function answer(word: FleetWord): Promise<void> {
  const { id } = word
  if (word.what === 'watch') {
    await Promise.all(word.tokens.map(watch))
    tell({ what: 'watched', id })
  } else if (word.what === 'look') {
    const route = word.sensitivity ? { sensitivity: word.sensitivity } : {}
    const seen = await Promise.all(
      verifiers.map(async (verifier) => {
        const { state, cursor, feedAgeMs, framesRefused, entries } = verifier.metrics()
        const verdicts = await Promise.all(
          word.tokens.map((token) => verifier.verify({ authorization: `Bearer ${token}` }, route)),
        )
        const outcomes = verdicts.map((verdict) => (verdict.ok ? 'accepted' : verdict.reason))
        return { state, cursor, feedAgeMs, framesRefused, entries, outcomes }
      }),
    )
    tell({ what: 'seen', id, verifiers: seen })
  } else if (word.what === 'never-again') {
    invariants.demand(word.token, word.cursor)
    tell({ what: 'watched', id })
  } else {
    const { user, system } = process.cpuUsage()
    tell({
      what: 'breaches',
      id,
      breaches: invariants.breaches,
      looks: invariants.looks,
      cpuMicroseconds: user + system,
    })
  }
}

process.on('message', (word: FleetWord) => void answer(word))
process.once('disconnect', () => process.exit(0))
// A service is one verifier in a process: a hundred that begin in the same moment would wait for this process, not for the issuer.
const atATime = 10
while (verifiers.length < settings.count) {
  const most = Math.min(atATime, settings.count - verifiers.length)
  const next = await Promise.all(Array.from({ length: most }, (_, index) => make(verifiers.length + index)))
  await Promise.all(next.map((verifier) => verifier.ready()))
  verifiers.push(...next)
}
await Promise.all(verifiers.map((verifier) => verifier.ready()))
tell({ what: 'ready' })
