import { type JsonOption, withExample, withJson } from '../command-options.ts'
import { fromNow } from '../moment.ts'
import type { AddCommand } from '../nouns.ts'

/** `keys schedule`: what happens next by itself, and why nobody notices. */
export const keysSchedule: AddCommand = (parent, invocation) => {
  const { printer } = invocation
  const command = parent
    .command('schedule')
    .description('the next events of the keys, and the proof that no verifier can fail by them')
    .action(async (options: JsonOption) => {
      const { keyring } = await invocation.desk()
      const steps = await keyring.schedule()
      const proof = await keyring.proof()
      const data = { steps: steps.map(({ at, kid, alg, what }) => ({ at, kid: kid ?? null, alg, what })), proof }
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
        if (proof.length > 0) printer.line('\nWhy no verifier that honours max-age can fail:')
        for (const sentence of proof) printer.line(`  ${sentence}`)
      })
    })
  withExample(withJson(command), 'claviger keys schedule')
}
