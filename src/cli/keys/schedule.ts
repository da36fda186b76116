import type { KeyReadiness } from '../../keyring/readiness/jwks-sightings.ts'
import { type JsonOption, withExample, withJson } from '../command-options.ts'
import { fromNow } from '../moment.ts'
import type { AddCommand } from '../nouns.ts'
import type { Cell, Printer } from '../printer.ts'

/** `keys schedule`: the next automatic steps, and why no verifier fails because of them. */
export const keysSchedule: AddCommand = (parent, invocation) => {
  const { printer } = invocation
  const command = parent
    .command('schedule')
    .description('the next steps of the keys, and the proof that no verifier can fail because of them')
    .action(async (options: JsonOption) => {
      const { keyring } = await invocation.desk()
      const steps = await keyring.schedule()
      const proof = await keyring.proof()
      const readiness = await keyring.readiness()
      const data = {
        steps: steps.map(({ at, kid, alg, what }) => ({ at, kid: kid ?? null, alg, what })),
        proof,
        readiness,
      }
      printer.result(options, data, () => {
        const now = printer.now()
        printer.table(
          ['WHEN', 'ALG', 'KID', 'WHAT'],
          steps.map(({ at, kid, alg, what }) => [
            `${at.toISOString().slice(0, 16)}Z, ${fromNow(at, now)}`,
            alg,
            kid ?? '–',
            what,
          ]),
        )
        if (proof.length > 0) printer.line('\nWhy every verifier that honours max-age has the key in time:')
        for (const sentence of proof) printer.line(`  ${sentence}`)
        if (readiness.length > 0) printReadiness(printer, readiness)
      })
    })
  withExample(withJson(command), 'claviger keys schedule')
}

/** Which verifiers have fetched the keys: named ones (`/jwks?verifier=…`) one by one, others as a number of fetches. */
function printReadiness(printer: Printer, readiness: readonly KeyReadiness[]): void {
  printer.line('\nFetches of each key:')
  printer.table(
    ['KID', 'ALG', 'STATE', 'FETCHES', 'NAMED VERIFIERS', 'STILL WITHOUT IT'],
    readiness.map(({ kid, alg, state, fetches, verifiers, lagging, missing }) => {
      const without = [...new Set([...lagging, ...missing])]
      const lacking: Cell = without.length > 0 ? { text: without.join(', '), tone: 'warn' } : '–'
      return [kid, alg, state, String(fetches), String(verifiers), lacking]
    }),
  )
}
