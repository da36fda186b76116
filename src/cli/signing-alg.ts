/** Refuses signing algorithms without keys: only configured algorithms have keys. */
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
    `There are no keys for ${alg}. Add it to CLAVIGER_SIGNING_ALGORITHMS on every node first, and wait until its first key has been published. Keys exist for ${used.join(' and ')}.`,
  )
}
