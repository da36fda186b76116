/** docs/cli.md: the help of every command, printed from the program itself. */
import { Command } from 'commander'
import { runCli } from './cli.ts'
import type { Invocation } from './invocation.ts'
import { nouns } from './nouns.ts'

const opening = `# Command line

\`npm run docs:cli\` prints this page from the program; a test compares the two. In the checkout a command is called as
\`npm run claviger -- users list\`, in the container as \`docker compose exec claviger node dist/main.js users list\`.

A command needs only the database: it works with the server up or down. Running nodes see a change within a second.
Exit codes: 0 done, 1 failed, 2 wrong usage. With \`--json\`, stdout holds one JSON document; prose and logs go to stderr.
`

/** The page as Markdown. */
export async function cliReference(): Promise<string> {
  const parts = [opening]
  let group = ''
  for (const noun of nouns) {
    if (noun.group !== group) parts.push(`## ${noun.group.replace(/:$/, '')}\n`)
    group = noun.group
    const parent = new Command()
    const command = parent.command(noun.name)
    // Commands are declared but never run, so the declarations need no other part of the invocation.
    ;(await noun.load())(command, { printer: {} } as Invocation)
    for (const words of wordsOf(command, [noun.name])) parts.push(await section(words))
  }
  return parts.join('\n')
}

/** The words of each command of a noun, or the noun alone if it is a command. */
const wordsOf = (command: Command, words: readonly string[]): string[][] =>
  command.commands.length === 0
    ? [[...words]]
    : command.commands.flatMap((verb) => wordsOf(verb, [...words, verb.name()]))

async function section(words: readonly string[]): Promise<string> {
  return `### claviger ${words.join(' ')}\n\n\`\`\`\n${(await helpOf(words)).trim()}\n\`\`\`\n`
}

async function helpOf(words: readonly string[]): Promise<string> {
  const written: string[] = []
  const output = { write: (text: string) => written.push(text), columns: 100 }
  const unused = () => Promise.reject(new Error('help opens nothing'))
  await runCli([...words, '--help'], {
    env: {},
    stdin: (async function* () {})(),
    stdout: output,
    stderr: output,
    openDesk: unused,
    serve: unused,
    serveSigner: unused,
  })
  return written.join('')
}
