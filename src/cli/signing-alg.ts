/** What may be signed with here: only what the configuration switched on has keys. */
import type { Config } from '../config/config.ts'
import { Failure } from '../errors/failure.ts'
import { algorithmsInUse } from '../keyring/cycle/algorithms.ts'

/** @throws Failure `signing_algorithm_unused` */
export function refuseUnusedAlgorithm({ signingAlgorithms }: Pick<Config, 'signingAlgorithms'>, alg: string): void {
  const used = algorithmsInUse(signingAlgorithms)
  if ((used as readonly string[]).includes(alg)) return
  throw new Failure(
    'signing_algorithm_unused',
    'conflict',
    `There are no keys for ${alg}: add it to CLAVIGER_SIGNING_ALGORITHMS on every node first, and let its first key be published for a while. Now there are ${used.join(' and ')}.`,
  )
}
