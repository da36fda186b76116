import { describe, readConfig } from '../../config/config.ts'
import type { DescribedOption } from '../../config/described-option.ts'
import { type JsonOption, withExample, withJson } from '../command-options.ts'
import type { AddCommand } from '../nouns.ts'

/** `config show`: needs no database, so that it works when other commands fail. */
export const configShow: AddCommand = (parent, invocation) => {
  const { printer } = invocation
  const command = parent
    .command('show')
    .description('every option, with its value (secrets masked) and its source')
    .action((options: JsonOption) => {
      const described = describe(readConfig(invocation.env))
      printer.result(options, described.map(asJson), () =>
        printer.table(
          ['OPTION', 'VALUE', 'FROM'],
          described.map((option) => {
            const isDefault = option.from === 'default'
            return [
              option.env,
              { text: option.value ?? '–', tone: isDefault ? 'dim' : 'strong' },
              { text: originOf(option), tone: 'dim' },
            ]
          }),
        ),
      )
    })
  withExample(withJson(command), 'claviger config show')
}

const originOf = ({ from, by }: DescribedOption): string => (by === undefined ? from : `${from} (${by})`)

const asJson = ({ env, value, from, by, doc }: DescribedOption) => ({
  name: env,
  value: value ?? null,
  from,
  by: by ?? null,
  doc,
})
