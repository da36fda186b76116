import { type JsonOption, withExample, withJson } from '../command-options.ts'
import { counted, fromNow } from '../moment.ts'
import type { AddCommand } from '../nouns.ts'
import { wholeNumber } from '../option-values.ts'
import { personJson, personState } from './person.ts'

interface Options extends JsonOption {
  search?: string
  limit: number
  after?: string
}

/** `users list`: in order of creation, a page at a time. */
export const usersList: AddCommand = (parent, invocation) => {
  const { printer } = invocation
  const command = parent
    .command('list')
    .description('people, in the order they were added')
    .option('--search <text>', 'only people with this text in their name or address')
    .option('--limit <n>', 'at most this many', wholeNumber(1, 10_000), 100)
    .option('--after <id>', 'continue after this account id')
    .action(async ({ search, limit, after, json }: Options) => {
      const desk = await invocation.desk()
      const people = await desk.accounts.list({ limit, ...(after ? { after } : {}), ...(search ? { search } : {}) })
      printer.result({ json }, people.map(personJson), () => {
        if (people.length === 0) return printer.line(search ? 'No person matches.' : 'There is no person yet.')
        printer.table(
          ['ID', 'EMAIL', 'NAME', 'STATE', 'ADDED'],
          people.map((person) => [
            person.id,
            person.email,
            person.name ?? '–',
            personState(person),
            { text: fromNow(person.createdAt, printer.now()), tone: 'dim' },
          ]),
        )
        const last = people.at(-1)
        if (people.length === limit && last)
          printer.note(`${counted(limit, 'person', 'people')} shown; continue with --after ${last.id}`)
      })
      if (people.length === 0 && !search && !after) printer.next('users add you@example.org')
    })
  withExample(withJson(command), 'claviger users list --search example.org')
}
