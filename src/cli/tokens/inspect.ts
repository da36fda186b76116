import type { JWTPayload } from 'jose'
import type { Account } from '../../accounts/account.ts'
import { Failure } from '../../errors/failure.ts'
import { type JsonOption, withExample, withJson } from '../command-options.ts'
import type { Desk } from '../desk.ts'
import type { Invocation } from '../invocation.ts'
import { dated } from '../moment.ts'
import type { AddCommand } from '../nouns.ts'
import type { Tone } from '../printer.ts'
import { askSecret, mayAsk, readSecret, readSecretFile } from '../secret-input.ts'
import { wrongUsage } from '../usage.ts'
import { type Findings, findingsOf, type Verdict } from './verdict.ts'

interface Options extends JsonOption {
  tokenFile?: string
}

const words: Record<Verdict, [text: string, tone: Tone]> = {
  valid: ['Valid', 'good'],
  expired: ['Expired', 'warn'],
  revoked: ['Revoked', 'bad'],
  forged: ['Forged', 'bad'],
  foreign: ['Foreign', 'bad'],
  'not-yet': ['Not valid yet', 'warn'],
}

/** `tokens inspect`: why a token is accepted or refused. */
export const tokensInspect: AddCommand = (parent, invocation) => {
  const command = parent
    .command('inspect')
    .description('show what a token is, and whether it is valid or why not; exits 1 if it is not valid')
    .argument('[jwt]', 'the token; without it, it is asked for or read from stdin, so that no process list shows it')
    .option('--token-file <file>', 'the token is in this file')
    .action(async (given: string | undefined, options: Options) => {
      const token = (await tokenFrom(invocation, given, options)).trim()
      const desk = await invocation.desk()
      if (!token.includes('.')) return inspectOpaque(invocation, desk, token, options)
      const findings = await findingsOf(token, desk, invocation.now())
      if (findings.verdict !== 'valid') invocation.exitCode = 1
      await show(invocation, desk, findings, options)
    })
  withExample(
    withJson(command),
    'claviger tokens inspect --token-file token.jwt',
    'claviger tokens inspect < token.jwt',
  )
}

async function tokenFrom(invocation: Invocation, given: string | undefined, { tokenFile }: Options): Promise<string> {
  if (given !== undefined && tokenFile !== undefined) {
    throw wrongUsage('token_twice', 'Choose one: the token itself, or --token-file.')
  }
  if (given !== undefined) return given
  if (tokenFile !== undefined) return readSecretFile(tokenFile, 'token')
  return mayAsk(invocation) ? askSecret(invocation, 'Token') : readSecret(invocation.stdin, 'token')
}

async function show({ printer }: Invocation, desk: Desk, found: Findings, options: JsonOption): Promise<void> {
  const { claims, kid, alg, key, verdict, reasons, signature, revocations, grantAlive, history } = found
  const person = typeof claims.sub === 'string' ? await desk.accounts.find(claims.sub) : undefined
  const client = typeof claims.client_id === 'string' ? await desk.clients.find(claims.client_id) : undefined
  const isOurs = claims.iss === desk.config.issuer
  const data = {
    verdict,
    reasons,
    signature,
    kid: kid ?? null,
    alg: alg ?? null,
    key_state: key?.state ?? null,
    client_name: client?.name ?? null,
    email: person?.email ?? null,
    grant_alive: grantAlive ?? null,
    ledger: history.ledger,
    refreshed_at: history.refreshedAt ?? null,
    revocations: revocations.map((entry) => ({ ...entry, not_before: entry.notBefore ?? null, notBefore: undefined })),
    claims,
  }
  printer.result(options, data, () => {
    const [text, tone] = words[verdict]
    printer.line({ text, tone }, `: ${reasons[0] ?? 'signed here, not expired, not revoked.'}`)
    for (const reason of reasons.slice(1)) printer.line(`Also: ${reason}`)
    printer.fields([
      ['signed by', `${kid ?? 'no key'} (${alg ?? 'none'}), ${key?.state ?? 'unknown'}; signature ${signature}`],
      ['issued', time(claims.iat, printer.now())],
      ['expires', time(claims.exp, printer.now())],
      ['refreshed', refreshedText(history.refreshedAt, printer.now())],
      ['ledger', ledgerWords[history.ledger]],
      [
        'app',
        client ? `${client.id} (${client.name})` : absent(claims.client_id, isOurs && 'the app no longer exists'),
      ],
      ['person', personText(claims, person, isOurs)],
      ['for', textOf([claims.aud ?? []].flat().join(', '))],
      ['scope', textOf(claims.scope)],
      ['session', textOf(claims.sid)],
      ['grant', grantText(claims, grantAlive)],
      ['jti', textOf(claims.jti)],
    ])
  })
}

const ledgerWords = {
  present: 'recorded when it was issued',
  missing: 'no entry: never issued here',
  unknown: undefined,
} as const

const refreshedText = (at: Date | undefined, now: Date): string | undefined =>
  at && `${dated(at, now)}: the app has newer tokens`

const absent = (value: unknown, why: string | false): string | undefined =>
  textOf(value) && (why ? `${String(value)} (${why})` : String(value))

function personText({ sub, client_id }: JWTPayload, person: Account | undefined, isOurs: boolean): string | undefined {
  if (person) return `${person.email} (${person.id})${person.disabledAt ? ', disabled' : ''}`
  return isOurs && sub === client_id ? 'none: the app itself' : absent(sub, isOurs && 'the person no longer exists')
}

const grantText = (claims: JWTPayload, isAlive: boolean | undefined): string | undefined =>
  isAlive === undefined
    ? undefined
    : `${String(claims.grant_id)}, ${isAlive ? 'active: the app can refresh' : 'ended: the app cannot refresh'}`

const textOf = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined)

const time = (seconds: unknown, now: Date): string | undefined =>
  typeof seconds === 'number' && Math.abs(seconds) < 8.64e12 ? dated(new Date(seconds * 1000), now) : undefined

async function inspectOpaque({ printer }: Invocation, desk: Desk, token: string, options: JsonOption): Promise<void> {
  const found = token === '' ? undefined : await desk.revocations.findOpaque(token)
  if (!found) {
    throw new Failure(
      'token_unknown',
      'missing',
      'Not a JWT, and no active token matches. It may have expired or been revoked.',
    )
  }
  const { what, clientId, accountId, expiresAt, isUsed } = found
  const data = { token: what, client_id: clientId ?? null, sub: accountId ?? null, expires_at: expiresAt, used: isUsed }
  printer.result(options, data, () => {
    printer.line({ text: isUsed ? 'Used' : 'Valid', tone: isUsed ? 'warn' : 'good' }, `: an opaque ${what}.`)
    printer.fields([
      ['app', clientId],
      ['person', accountId],
      ['expires', dated(expiresAt, printer.now())],
    ])
  })
}
