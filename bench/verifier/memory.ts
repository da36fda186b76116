/** What a verifier holds on to: heap and typed arrays, after collection, before and after it is made. */
import { randomBytes } from 'node:crypto'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Verifier } from '../../packages/verifier/src/verifier.ts'
import type { StandInIssuer } from '../../test/verifier/stand-in-issuer.ts'

/** Fills the issuer's log first. */
export async function heldBytes(
  issuer: StandInIssuer,
  entries: number,
  exp: number,
  make: () => Promise<Verifier>,
): Promise<number> {
  for (let made = 0; made < entries; made += 1) {
    issuer.appendSilently([(made % 4) + 1, randomBytes(16).toString('base64url'), made % 2 ? null : exp, exp])
  }
  // One that is thrown away: code and connections of the process are not the verifier's.
  const first = await make()
  await first.ready()
  await first.close()
  const before = await settled()
  const verifier = await make()
  await verifier.ready()
  const after = await settled()
  if (verifier.metrics().entries !== entries) throw new Error('the entries are not all there')
  await verifier.close()
  return after - before
}

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

async function settled(): Promise<number> {
  for (let times = 0; times < 5; times += 1) {
    await new Promise((resolve) => setTimeout(resolve, 100))
    collect()
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}
