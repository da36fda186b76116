/** The floors of `src/`, lowest first: the data of the layout law. `.` is the roof, `src/main.ts`. */
export const floors: readonly (readonly string[])[] = [
  ['errors', 'guessing'],
  ['config', 'events', 'outbound', 'rhythm'],
  ['accounts', 'clients', 'keyring', 'revocation'],
  ['credentials', 'consent', 'logout', 'signals'],
  ['oidc', 'operations'],
  ['storage', 'web', 'cli'],
  ['deployment'],
  ['node', 'desk'],
  ['.'],
]

/** The one room that may import this package. */
export const owners: Readonly<Record<string, string>> = {
  pg: 'storage',
  koa: 'web',
  '@koa/router': 'web',
  eta: 'web',
  'oidc-provider': 'oidc',
  argon2: 'credentials',
  bcrypt: 'credentials',
  commander: 'cli',
  'csv-parse': 'cli',
  '@inquirer/prompts': 'cli',
  pino: 'events',
  'prom-client': 'events',
}

/** The table in docs/decisions/0002-layout-law.md, between its markers. */
export function floorTable(): string {
  const rows = floors.map((rooms, floor) => `| ${floor} | ${rooms.map(nameOf).join(', ')} |`)
  return ['| floor | rooms |', '|---|---|', ...rows].join('\n')
}

const nameOf = (room: string): string => (room === '.' ? 'the roof: `src/main.ts`' : `\`${room}\``)
