/** The option list as documents: `.env.example` and the table in README. */
import type { Option } from './option.ts'
import { options } from './options.ts'

const list: readonly Option<unknown>[] = Object.values(options)

/** `.env.example`: every option, commented out, with its default. */
export function envExample(): string {
  const entries = list.map((option) => {
    const note = option.default ? '' : ` Default: ${option.defaultDoc ?? 'none'}.`
    const file = option.secret ? ` ${option.env}_FILE may name a file that contains it.` : ''
    return [...wrap(`${option.doc}${note}${file}`), `#${option.env}=${option.default || (option.example ?? '')}`].join(
      '\n',
    )
  })
  return `# Options of Claviger. Printed by npm run docs:config; copy to .env, or set them where the program starts.\n# Durations: 500ms, 5s, 10m, 24h, 30d.\n\n${entries.join('\n\n')}\n`
}

/** The table in README, between its markers. */
export function optionTable(): string {
  const rows = list.map(({ env, default: value, defaultDoc, doc, secret }) => {
    const names = secret ? `\`${env}\`, \`${env}_FILE\`` : `\`${env}\``
    return `| ${names} | ${defaultDoc ?? `\`${value}\``} | ${doc.replaceAll('|', '\\|')} |`
  })
  return ['| name | default | meaning |', '|---|---|---|', ...rows].join('\n')
}

export const tableMarkers = { begin: '<!-- options -->', end: '<!-- /options -->' } as const

/** The document with the current table between the markers, or unchanged if it has no markers. */
export function withOptionTable(document: string): string {
  const begin = document.indexOf(tableMarkers.begin)
  const end = document.indexOf(tableMarkers.end)
  if (begin < 0 || end < begin) return document
  return `${document.slice(0, begin + tableMarkers.begin.length)}\n${optionTable()}\n${document.slice(end)}`
}

function wrap(text: string): string[] {
  const lines = ['#']
  for (const word of text.split(' ')) {
    if (`${lines.at(-1)} ${word}`.length > 110) lines.push('#')
    lines[lines.length - 1] += ` ${word}`
  }
  return lines
}
