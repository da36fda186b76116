import { decodeJwt, type JWTPayload } from 'jose'
import { Failure } from '../../errors/failure.ts'
import { quoted } from '../../events/plain-text.ts'
import { boundText, voidBy } from '../bound.ts'
import { withExample } from '../command-options.ts'
import { type ConfirmedOptions, isConfirmed, withConfirmation } from '../confirmation.ts'
import type { Desk } from '../desk.ts'
import type { Invocation } from '../invocation.ts'
import type { AddCommand } from '../nouns.ts'
import { readSecret } from '../secret-input.ts'
import { getPerson } from '../users/person.ts'

interface Options extends ConfirmedOptions {
  tokenStdin?: boolean
  jti?: string
  sid?: string
  sub?: string
  client?: string
  all?: boolean
}

/** What is to be revoked, in the words of the answer. */
interface Target {
  what: string
  data: Record<string, unknown>
  /** Where the token says itself when it ends. */
  until?: Date | undefined
  /** Asked first, where it touches more than somebody can name. */
  question?: string
  revoke(): Promise<Record<string, unknown> | undefined>
}

/** `tokens revoke`: makes void what is out, by whatever name it is known. */
export const tokensRevoke: AddCommand = (parent, invocation) => {
  const { printer } = invocation
  const command = parent
    .command('revoke')
    .description('make tokens void before they expire, by one of their names')
    .option('--token-stdin', 'the token itself, on stdin')
    .option('--jti <jti>', 'one access token, by its jti')
    .option('--sid <sid>', 'a session with everything that came from it')
    .option('--sub <person>', 'a person: signs them out everywhere')
    .option('--client <client_id>', 'an app: its grants, refresh tokens and access tokens of everybody')
    .option('--all', 'every access token issued so far; people stay signed in, apps fetch new ones')
    .action(async (options: Options) => {
      const target = await targetOf(invocation, options)
      if (options.dryRun) {
        printer.result(options, { ...target.data, dry_run: true }, () => printer.line(`Would revoke ${target.what}.`))
        return
      }
      if (target.question && !(await isConfirmed(invocation, options, target.question))) return
      const more = await target.revoke()
      const desk = await invocation.desk()
      desk.events.record({ kind: 'token.revoked', actor: invocation.actor, detail: target.data })
      const now = printer.now()
      const until = target.until ?? voidBy(now, await desk.revocations.longestTokenSeconds())
      printer.result(options, { ...target.data, ...more, revoked: true, void_by: until }, () => {
        printer.line({ text: 'Revoked', tone: 'good' }, ` ${target.what}.`)
        printer.line(boundText(until, now, desk.config))
      })
    })
  withExample(
    withConfirmation(command),
    'claviger tokens revoke --token-stdin < stolen.jwt',
    'claviger tokens revoke --sub ada@example.org',
    'claviger tokens revoke --all',
  )
}

async function targetOf(invocation: Invocation, options: Options): Promise<Target> {
  const { tokenStdin, jti, sid, sub, client, all } = options
  const named = [jti, sid, sub, client].filter((value) => value !== undefined)
  if (named.length + Number(tokenStdin ?? false) + Number(all ?? false) !== 1) {
    throw new Failure('token_unnamed', 'invalid', 'Name one: --token-stdin, --jti, --sid, --sub, --client or --all.')
  }
  if (named.some((value) => value.length > 1024 || value === '')) {
    throw new Failure('token_name_invalid', 'invalid', 'A name has 1 to 1024 characters.')
  }
  const desk = await invocation.desk()
  if (all) return ofEverybody(desk, invocation.actor)
  if (tokenStdin) return byToken(desk, invocation.actor, await readSecret(invocation.stdin, 'token'))
  if (jti !== undefined) return byJti(desk, invocation.actor, jti)
  if (sid !== undefined) return bySid(desk, invocation.actor, sid)
  return sub !== undefined ? byPerson(desk, invocation.actor, sub) : byClient(desk, invocation.actor, client ?? '')
}

async function byToken(desk: Desk, actor: string, token: string): Promise<Target> {
  const claims = claimsOf(token)
  if (claims && (claims.iss !== desk.config.issuer || typeof claims.jti !== 'string')) {
    throw new Failure('token_foreign', 'invalid', `This is no access token of ${desk.config.issuer}.`)
  }
  // The signature needs no check: an entry for a token that was never issued concerns nobody.
  if (claims) return byJti(desk, actor, String(claims.jti), claims.exp)
  const found = await desk.revocations.findOpaque(token)
  if (!found) throw new Failure('token_unknown', 'missing', 'There is no such token here; it may have ended already.')
  return {
    what: `a ${found.what} of ${found.clientId ?? 'an unknown app'}`,
    data: { token: found.what, client_id: found.clientId ?? null },
    revoke: async () => void (await desk.revocations.revokeOpaque(token)),
  }
}

function claimsOf(token: string): JWTPayload | undefined {
  try {
    return decodeJwt(token)
  } catch {
    return undefined // not a JWT: an opaque token, perhaps
  }
}

function byJti(desk: Desk, actor: string, jti: string, exp?: number): Target {
  const until = exp === undefined ? undefined : new Date(exp * 1000)
  // An end that lies far ahead is not ours: no token lives longer than the longest.
  const isPlausible = until !== undefined && until.getTime() < Date.now() + 2 * 86_400_000
  const expiresAt = isPlausible ? new Date(until.getTime() + 60_000) : undefined
  return {
    what: `the access token ${quoted(jti)}`,
    data: { jti },
    until: isPlausible ? until : undefined,
    revoke: async () => void (await desk.revocations.revokeToken(jti, { actor, expiresAt })),
  }
}

const ofEverybody = (desk: Desk, actor: string): Target => ({
  what: `every access token that ${desk.config.issuer} issued so far`,
  data: { iss: desk.config.issuer },
  question: 'Make every access token of every app and person void? They stay signed in and have to fetch new ones.',
  revoke: async () => void (await desk.revocations.revokeAll(desk.config.issuer, { actor })),
})

const bySid = (desk: Desk, actor: string, sid: string): Target => ({
  what: `everything of the session ${quoted(sid)}`,
  data: { sid },
  question: `End the session ${quoted(sid)} with everything that came from it?`,
  revoke: async () => ({ session_ended: (await desk.revocations.revokeSession(sid, { actor })).ended }),
})

async function byPerson(desk: Desk, actor: string, named: string): Promise<Target> {
  const person = await getPerson(desk, named)
  return {
    what: `everything of ${person.email}`,
    data: { sub: person.id },
    question: `Sign ${person.email} out everywhere?`,
    async revoke() {
      const { sessions, grants, refreshTokens } = await desk.accounts.signOut(person.id, { actor })
      return { sessions_ended: sessions, grants_ended: grants, refresh_tokens_ended: refreshTokens }
    },
  }
}

async function byClient(desk: Desk, actor: string, clientId: string): Promise<Target> {
  const client = await desk.clients.find(clientId)
  if (!client) throw new Failure('client_missing', 'missing', `There is no client ${quoted(clientId)}.`)
  return {
    what: `everything that ${client.id} (${client.name}) holds`,
    data: { client_id: client.id },
    question: `End everything that ${client.id} (${client.name}) holds of anybody?`,
    async revoke() {
      const { grants, refreshTokens } = await desk.revocations.revokeClient(client.id, { actor })
      return { grants_ended: grants, refresh_tokens_ended: refreshTokens }
    },
  }
}
